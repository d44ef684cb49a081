namespace Overlay.Subnet.Etcd;

/// <summary>How to reach etcd: flannel's <c>etcd-*</c> flags, checked by whoever reads them. Never prints the password.</summary>
public sealed class EtcdOptions
{
    /// <summary>The members, each <c>http://host:port</c> or <c>https://host:port</c>, all with the same scheme.</summary>
    public IReadOnlyList<string> Endpoints { get; init; } = ["http://127.0.0.1:4001", "http://127.0.0.1:2379"];

    /// <summary>The key prefix.</summary>
    public string Prefix { get; init; } = "/coreos.com/network";

    /// <summary>Path of the client's private key (PEM); empty for none.</summary>
    public string KeyFile { get; init; } = "";

    /// <summary>Path of the client's certificate chain (PEM); empty for none.</summary>
    public string CertFile { get; init; } = "";

    /// <summary>Path of the CA certificates (PEM) that the servers' must chain to; empty for the system's. Works without a client certificate too.</summary>
    public string CaFile { get; init; } = "";

    /// <summary>The etcd user; empty for none.</summary>
    public string Username { get; init; } = "";

    /// <summary>That user's password.</summary>
    public string Password { get; init; } = "";

    /// <summary>The time each call may take.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Whether the connection uses TLS, decided by the endpoints' scheme alone.</summary>
    public bool UsesTls => Endpoints.Count > 0 && Endpoints[0].StartsWith("https://", StringComparison.OrdinalIgnoreCase);

    /// <summary>Endpoints and prefix; no secret.</summary>
    public override string ToString() => $"{string.Join(',', Endpoints)}{Prefix}";
}
