namespace Overlay.Subnet.Model;

/// <summary>The <c>Backend</c> object of the network config. Only <c>vxlan</c> passes parsing; all nodes must agree on VNI and port.</summary>
public sealed record BackendConfig
{
    /// <summary>The backend type in lower case; always <c>vxlan</c>.</summary>
    public string Type { get; init; } = "vxlan";

    /// <summary>Nothing named a type. flannel's documents then say vxlan (which we follow) and its code says udp: worth one log line.</summary>
    public bool TypeWasMissing { get; init; }

    /// <summary>The VXLAN network identifier, 0 to 2^24-1; 1 when not given.</summary>
    public uint Vni { get; init; } = 1;

    /// <summary>The UDP destination port on every node; 8472 (Linux's default) when not given or 0.</summary>
    public ushort Port { get; init; } = 8472;

    /// <summary>The MTU of the underlay in bytes, outer headers included; 0 when not given, then the interface's own MTU counts.</summary>
    public int Mtu { get; init; }

    /// <summary>The config asks for routes instead of tunnels between neighbours. Accepted and not acted upon: worth one log line.</summary>
    public bool DirectRouting { get; init; }
}
