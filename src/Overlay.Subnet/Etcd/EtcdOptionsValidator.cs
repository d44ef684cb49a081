namespace Overlay.Subnet.Etcd;

/// <summary>Checks <see cref="EtcdOptions"/> before anything is opened.</summary>
public static class EtcdOptionsValidator
{
    /// <summary>Every error, each one line that begins with the flannel flag at fault; empty when all is well.</summary>
    public static IReadOnlyList<string> Validate(EtcdOptions options)
    {
        var errors = new List<string>();
        CheckEndpoints(options.Endpoints, errors);
        if (!options.Prefix.StartsWith('/') || options.Prefix.Length < 2 || options.Prefix.EndsWith('/'))
            errors.Add($"etcd-prefix: \"{LogText.Escape(options.Prefix)}\" must start with a slash and not end with one, as in /coreos.com/network");
        if (options.KeyFile.Length > 0 && options.CertFile.Length == 0)
            errors.Add("etcd-keyfile: needs etcd-certfile too");
        if (options.CertFile.Length > 0 && options.KeyFile.Length == 0)
            errors.Add("etcd-certfile: needs etcd-keyfile too");
        CheckFile("etcd-keyfile", options.KeyFile, errors);
        CheckFile("etcd-certfile", options.CertFile, errors);
        CheckFile("etcd-cafile", options.CaFile, errors);
        if (options.Username.Length > 0 && options.Password.Length == 0)
            errors.Add("etcd-password: missing, though etcd-username is set");
        if (options.Password.Length > 0 && options.Username.Length == 0)
            errors.Add("etcd-username: missing, though etcd-password is set");
        return errors;
    }

    private static void CheckEndpoints(IReadOnlyList<string> endpoints, List<string> errors)
    {
        if (endpoints.Count == 0)
            errors.Add("etcd-endpoints: empty");
        foreach (string endpoint in endpoints)
        {
            string shown = endpoint.Contains('@') ? "(hidden)" : LogText.Escape(endpoint);
            if (!Uri.TryCreate(endpoint, UriKind.Absolute, out Uri? uri) || uri.Scheme is not ("http" or "https") || uri.Host.Length == 0)
                errors.Add($"etcd-endpoints: \"{shown}\" is not of the form http://host:port or https://host:port");
            else if (uri.UserInfo.Length > 0)
                errors.Add("etcd-endpoints: a user does not belong into the URL; use etcd-username and etcd-password");
            else if (uri.PathAndQuery != "/" || uri.Fragment.Length > 0)
                errors.Add($"etcd-endpoints: \"{shown}\" has a path; only host and port belong there");
            else if (!endpoint.TrimEnd('/').EndsWith($":{uri.Port}", StringComparison.Ordinal))
                errors.Add($"etcd-endpoints: \"{shown}\" has no port; etcd's is 2379");
        }
        if (endpoints.Select(e => e.StartsWith("https://", StringComparison.OrdinalIgnoreCase)).Distinct().Count() > 1)
            errors.Add("etcd-endpoints: http and https are mixed; use one of them for all");
    }

    private static void CheckFile(string flag, string path, List<string> errors)
    {
        if (path.Length == 0)
            return;
        try
        {
            using FileStream file = File.OpenRead(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            errors.Add($"{flag}: cannot read {LogText.Escape(path)}: {LogText.Escape(e.Message)}");
        }
    }
}
