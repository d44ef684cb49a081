using System.Net;
using Overlay.Netns.Tests.Network;

namespace Overlay.Netns.Tests.Firewall;

/// <summary>The rules that Docker 28.5.2 makes for docker0 and one container (the packages of Debian bookworm hold an older one).</summary>
internal static class Docker28
{
    /// <summary>As at its first start on a node whose FORWARD drops.</summary>
    public static void Start(Host host, IPAddress container) => host.Namespace.Must("sh", "-ec", $"""
        iptables -N DOCKER-USER 2>/dev/null || true
        for chain in DOCKER DOCKER-BRIDGE DOCKER-CT DOCKER-FORWARD; do iptables -N $chain; done
        iptables -A DOCKER ! -i docker0 -o docker0 -j DROP
        iptables -A DOCKER-BRIDGE -o docker0 -j DOCKER
        iptables -A DOCKER-CT -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
        for chain in DOCKER-CT DOCKER-ISOLATION-STAGE-1 DOCKER-BRIDGE; do iptables -A DOCKER-FORWARD -j $chain; done
        iptables -A DOCKER-FORWARD -i docker0 -j ACCEPT
        iptables -D FORWARD -j DOCKER-USER 2>/dev/null || true
        iptables -I FORWARD -j DOCKER-FORWARD
        iptables -I FORWARD -j DOCKER-USER
        iptables -t raw -A PREROUTING -d {container}/32 ! -i docker0 -j DROP
        """);

    /// <summary>After somebody has flushed all rules.</summary>
    public static void Restart(Host host, IPAddress container)
    {
        host.Namespace.Must("sh", "-ec", "iptables -t raw -F; iptables -F; iptables -X; iptables -P FORWARD DROP; iptables -N DOCKER-ISOLATION-STAGE-1");
        Start(host, container);
    }
}
