using System.Globalization;

namespace Overlay.Agent.Doctor.Host;

/// <summary>What the machine is and allows. Pure.</summary>
internal static class HostChecks
{
    private const int NetAdmin = 12;

    /// <summary>All findings.</summary>
    public static IEnumerable<Finding> Judge(HostFacts host) => [Virtual(host), Kernel(host), Tun(host), Capability(host), .. LoadChecks.Judge(host)];

    private static Finding Virtual(HostFacts host)
    {
        Virtualization virtualization = host.Virtualization;
        if (!virtualization.IsContainer) return Checks.Virtualization.Ok(virtualization.Name == "none" ? "bare metal" : $"virtual machine ({virtualization.Name}), with a kernel of its own");
        const string Mend = "ask the provider for a KVM machine; in LXC or a container: the device /dev/net/tun, CAP_NET_ADMIN, and br_netfilter loaded on the host";
        if (virtualization.IsPartial) return Checks.Virtualization.Warn($"inside of a {virtualization.Name} container: modules, and sysctls that are not of the network, are the host's", Mend);
        return virtualization.Name == "openvz"
            ? Checks.Virtualization.Fail("OpenVZ container: no kernel of its own, no modules (br_netfilter, tun), iptables as the provider allows, Docker does not run", Mend)
            : Checks.Virtualization.Warn($"container ({virtualization.Name}): no kernel of its own, no modules; TUN, sysctls and the firewall are the host's to allow", Mend);
    }

    private static Finding Kernel(HostFacts host)
    {
        if (host.Kernel is not { } kernel) return Checks.Kernel.Skip("no UDP socket is to be had to ask with");
        if (kernel.DamagesSegmentedSends) return Checks.Kernel.Warn($"{kernel} damages segmented UDP sends on some cards, so the agent sends without", "update the kernel to 7.1.5 or newer");
        if (!kernel.SegmentsSends || !kernel.JoinsReceives) return Checks.Kernel.Warn($"{kernel} lacks {(kernel.SegmentsSends ? "UDP_GRO (Linux 5.0)" : "UDP_SEGMENT (Linux 4.18)")}: every datagram is a system call", "update the kernel");
        return Checks.Kernel.Ok($"{kernel}, with UDP_SEGMENT and UDP_GRO");
    }

    private static Finding Tun(HostFacts host)
    {
        if (host.TunSkipped is { } reason) return Checks.Tun.Skip(reason);
        return host.TunProblem is { } problem
            ? Checks.Tun.Fail(problem, host.Virtualization.IsContainer ? "ask the provider to allow TUN for this container" : "modprobe tun; echo tun > /etc/modules-load.d/tun.conf")
            : Checks.Tun.Ok("/dev/net/tun opens");
    }

    private static Finding Capability(HostFacts host)
    {
        if (host.Capabilities is not { } set) return Checks.Capability.Skip("the process does not show its capabilities");
        string who = host.AreAgents ? "the agent" : "this user";
        if ((set >> NetAdmin & 1) != 0) return Checks.Capability.Ok($"{who} has CAP_NET_ADMIN");
        return host.AreAgents
            ? Checks.Capability.Fail("the agent lacks CAP_NET_ADMIN", "AmbientCapabilities=CAP_NET_ADMIN and CapabilityBoundingSet=CAP_NET_ADMIN in its unit")
            : Checks.Capability.Skip(string.Create(CultureInfo.InvariantCulture, $"no agent runs, and {who} has not CAP_NET_ADMIN ({set:x})"));
    }
}
