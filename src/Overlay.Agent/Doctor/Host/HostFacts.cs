using Overlay.Encap.Linux;
using Overlay.Encap.Linux.Inspection;

namespace Overlay.Agent.Doctor.Host;

/// <summary>The machine under the node.</summary>
internal sealed record HostFacts
{
    /// <summary>What it is virtualised by.</summary>
    public required Virtualization Virtualization { get; init; }

    /// <summary>The kernel, or null where it does not say.</summary>
    public KernelFeatures? Kernel { get; init; }

    /// <summary>Processor time over the time of looking.</summary>
    public CpuShare? Cpu { get; init; }

    /// <summary>The clock, or null where the kernel does not say.</summary>
    public KernelClock? Clock { get; init; }

    /// <summary>Why /dev/net/tun cannot be opened; null when it can.</summary>
    public string? TunProblem { get; init; }

    /// <summary>/dev/net/tun was not opened, for this reason; null when it was tried.</summary>
    public string? TunSkipped { get; init; }

    /// <summary>Effective capabilities of the agent, or of ourselves where none runs; null where they cannot be read.</summary>
    public ulong? Capabilities { get; init; }

    /// <summary>Whether <see cref="Capabilities"/> are the agent's.</summary>
    public bool AreAgents { get; init; }

    /// <summary>Open files of the agent and their limit, or null.</summary>
    public (int Open, int Limit)? Files { get; init; }

    /// <summary>Connections tracked and their limit, or null without conntrack.</summary>
    public (long Count, long Limit)? Conntrack { get; init; }

    /// <summary>The file systems that are written to: path, free bytes, whether read-only.</summary>
    public IReadOnlyList<(string Path, long Free, bool ReadOnly)> Disks { get; init; } = [];

    /// <summary>Data folder of an etcd on this host and whether its disk rotates (null: not known); null for no etcd here.</summary>
    public (string Folder, bool? Rotates)? EtcdDisk { get; init; }
}
