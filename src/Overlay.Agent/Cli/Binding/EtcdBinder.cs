using Overlay.Agent.Configuration;
using Overlay.Agent.Text;
using static Overlay.Agent.Cli.AgentFlags;

namespace Overlay.Agent.Cli.Binding;

/// <summary>
/// The etcd flags. Stricter than flannel where flannel falls back to an unencrypted or anonymous connection without a word: half a key
/// pair, half of a user and password, or certificates for http endpoints are mistakes, since a security mode that cannot be had must not
/// be dropped silently. A CA alone is enough for TLS.
/// </summary>
internal static class EtcdBinder
{
    public static EtcdSettings Bind(ValueReader reader)
    {
        IReadOnlyList<Uri> endpoints = Endpoints(reader);
        string? keyFile = reader.Text(EtcdKeyFile);
        string? certFile = reader.Text(EtcdCertFile);
        string? caFile = reader.Text(EtcdCaFile);
        string? username = reader.Text(EtcdUsername);
        string? password = reader.Text(EtcdPassword);

        if (keyFile is not null && certFile is null) reader.Fail(EtcdKeyFile, $"needs {EtcdCertFile} as well");
        if (certFile is not null && keyFile is null) reader.Fail(EtcdCertFile, $"needs {EtcdKeyFile} as well");
        if (username is not null && password is null) reader.Fail(EtcdUsername, $"needs a password as well, best as {EtcdPassword.Variable}");
        if (password is not null && username is null) reader.Fail(EtcdPassword, $"needs {EtcdUsername} as well");
        if ((keyFile ?? certFile ?? caFile) is not null && endpoints.Any(e => e.Scheme == Uri.UriSchemeHttp))
            reader.Fail(EtcdEndpoints, "is http, which would send in the clear although TLS files are given; write https, or leave the files out");

        return new EtcdSettings
        {
            Endpoints = endpoints,
            Prefix = Prefix(reader),
            KeyFile = keyFile,
            CertFile = certFile,
            CaFile = caFile,
            Username = username,
            Password = password is null ? null : new Secret(password),
        };
    }

    private static List<Uri> Endpoints(ValueReader reader)
    {
        List<Uri> endpoints = [];
        foreach (string part in (reader.Text(EtcdEndpoints) ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            // A bare host:port is http, as in Go's client.
            string text = part.Contains("://", StringComparison.Ordinal) ? part : "http://" + part;
            if (text.Contains('@')) reader.Fail(EtcdEndpoints, $"a user or password has no place in an endpoint; use {EtcdUsername} and {EtcdPassword.Variable}");
            else if (!Uri.TryCreate(text, UriKind.Absolute, out Uri? uri) || uri.Host.Length == 0) reader.Fail(EtcdEndpoints, $"{Printable.Quote(part)} is not a URL");
            else if (uri.Scheme is not ("http" or "https")) reader.Fail(EtcdEndpoints, $"{Printable.Quote(part)} is neither http nor https");
            else if (uri.PathAndQuery != "/" || uri.Fragment.Length > 0) reader.Fail(EtcdEndpoints, $"{Printable.Quote(part)} must end after the port");
            else if (!HasPort(text)) endpoints.Add(new UriBuilder(uri) { Port = 2379 }.Uri);
            else endpoints.Add(uri);
        }
        if (endpoints.Count == 0) reader.Fail(EtcdEndpoints, "no usable endpoint is left");
        if (endpoints.Select(e => e.Scheme).Distinct().Count() > 1) reader.Fail(EtcdEndpoints, "http and https are mixed");
        return endpoints;
    }

    // Uri hides whether a default port (80, 443) was written or implied.
    private static bool HasPort(string url)
    {
        string authority = url[(url.IndexOf("://", StringComparison.Ordinal) + 3)..].TrimEnd('/');
        return authority.LastIndexOf(':') > authority.LastIndexOf(']');
    }

    // Go's path.Join, by which flannel makes its keys, drops doubled and trailing slashes; it would also resolve "..", which no sane prefix holds.
    private static string Prefix(ValueReader reader)
    {
        string text = reader.Text(EtcdPrefix) ?? "";
        string[] parts = text.Split('/', StringSplitOptions.RemoveEmptyEntries);
        if (parts.Length == 0) reader.Fail(EtcdPrefix, "a key prefix is needed");
        if (parts.Any(p => p is "." or "..")) reader.Fail(EtcdPrefix, $"{Printable.Quote(text)} must not hold . or ..");
        return (text.StartsWith('/') ? "/" : "") + string.Join('/', parts);
    }
}
