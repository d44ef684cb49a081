using Overlay.Subnet.Etcd;

namespace Overlay.Agent.Configuration;

/// <summary>How to reach etcd. Files are named here and not opened: they may change while the agent runs.</summary>
public sealed record EtcdSettings
{
    /// <summary>Endpoints with scheme and port, all http or all https, at least one (<c>--etcd-endpoints</c>). Defaults to flannel's pair.</summary>
    public required IReadOnlyList<Uri> Endpoints { get; init; }

    /// <summary>Key prefix without a trailing slash (<c>--etcd-prefix</c>). Defaults to <c>/coreos.com/network</c>.</summary>
    public required string Prefix { get; init; }

    /// <summary>Client private key, PEM (<c>--etcd-keyfile</c>), set exactly when <see cref="CertFile"/> is. Defaults to none.</summary>
    public string? KeyFile { get; init; }

    /// <summary>Client certificate, PEM (<c>--etcd-certfile</c>). Defaults to none.</summary>
    public string? CertFile { get; init; }

    /// <summary>Certificate authority, PEM (<c>--etcd-cafile</c>), with or without a client certificate. Defaults to the system's authorities.</summary>
    public string? CaFile { get; init; }

    /// <summary>User (<c>--etcd-username</c>), set exactly when <see cref="Password"/> is. Defaults to none: no authentication.</summary>
    public string? Username { get; init; }

    /// <summary>Password (<c>--etcd-password</c>, better <c>FLANNELD_ETCD_PASSWORD</c>). Prints as <c>***</c>.</summary>
    public Secret? Password { get; init; }

    /// <summary>Whether connections are encrypted: the endpoints are https.</summary>
    public bool UsesTls => Endpoints[0].Scheme == Uri.UriSchemeHttps;

    /// <summary>The same for the client, password included.</summary>
    public EtcdOptions ToOptions() => new()
    {
        Endpoints = [.. Endpoints.Select(e => e.GetLeftPart(UriPartial.Authority))],
        Prefix = Prefix,
        KeyFile = KeyFile ?? "",
        CertFile = CertFile ?? "",
        CaFile = CaFile ?? "",
        Username = Username ?? "",
        Password = Password?.Reveal() ?? "",
    };
}
