using System.Net;
using Overlay.Simulation.Etcd;
using Overlay.Simulation.Network;
using Overlay.Simulation.Rules;
using Overlay.Simulation.Time;
using Overlay.Subnet.Allocation;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;

namespace Overlay.Simulation.Agents;

/// <summary>One node: what survives its processes, and what is known of it that the rules go by.</summary>
public sealed class SimAgent(int number, SimLink link, World world)
{
    private static readonly TimeSpan FreshLook = TimeSpan.FromSeconds(15); // the write comes right after it, but for what a lease to grant may take

    private readonly Dictionary<string, bool> _triedSince = [];
    private TimeSpan _readAt;
    private EtcdState? _readOf;
    private int _generation;

    public string Name { get; } = $"agent-{number}";

    public IPAddress PublicIP { get; private set; } = IPAddress.Parse($"192.168.0.{number}");

    public SimLink Link => link;

    public Trace Trace => world.Trace;

    public AgentDisk Disk { get; private set; } = AgentDisk.New(number, 0);

    /// <summary>The process that runs now; null while none does.</summary>
    public AgentRun? Run { get; private set; }

    /// <summary>The lease this agent believes to hold and uses; null when it has none or has been told that it lost it.</summary>
    public OwnLease? Belief => Run?.Belief;

    /// <summary>The last snapshot by which it chose a subnet, and the keys it could not write since.</summary>
    public StoreSnapshot? LastRead { get; private set; }

    public HashSet<string> RefusedSince { get; } = [];

    /// <summary>Meets a write of this agent at etcd's door, just before it; told the key, and whether it is to be deleted.</summary>
    public Action<string, bool>? Rival { get; set; }

    /// <summary>When it was told that another node holds the subnet it uses; null when it was not.</summary>
    public TimeSpan? ToldSince { get; private set; }

    /// <summary>Since when nothing has stood between this agent and etcd.</summary>
    public TimeSpan CleanSince { get; private set; }

    /// <summary>What the node is to write into its key.</summary>
    public LeaseAttributes Wanted => new() { PublicIP = PublicIP, BackendType = "vxlan", Vni = 1, VtepMac = Disk.VtepMac, NodeId = Disk.NodeId };

    /// <summary>Nothing is between this agent and etcd now.</summary>
    public bool IsClean => Run is { Process.IsPaused: false } && !link.IsCut && link.Trouble == 0 && !world.Etcd.IsDown && !world.Etcd.IsStalled;

    public void Start()
    {
        if (Run is not null)
            return;
        Forget();
        Run = new AgentRun(this, world, new SimProcess(world.Clock));
        Run.Start();
    }

    /// <summary>Ends the process between two instructions.</summary>
    /// <param name="restartAfter">When its supervisor starts it again.</param>
    /// <param name="installedAnew">With an empty disk.</param>
    public void Crash(TimeSpan restartAfter, bool installedAnew)
    {
        Run?.Dispose();
        Run = null;
        Forget();
        if (installedAnew)
            Disk = AgentDisk.New(number, ++_generation);
        world.Clock.After(restartAfter, null, Start);
    }

    /// <summary>Writes subnet.env.</summary>
    public void Announce(IPNetwork subnet) => Disk = Disk with { Subnet = subnet };

    /// <summary>Writes state and cache; null leaves what is there.</summary>
    public void Write(SavedLease? lease, SavedAnswers? answers) => Disk = Disk with { Lease = lease ?? Disk.Lease, Answers = answers ?? Disk.Answers };

    /// <summary>Gives the node another of its addresses.</summary>
    /// <param name="index">Which; 0 is the first.</param>
    public void Readdress(int index) => Readdress(IPAddress.Parse($"192.168.{(index == 0 ? 0 : 100 + index)}.{number}"));

    /// <summary>Gives the node an address.</summary>
    public void Readdress(IPAddress publicIP)
    {
        PublicIP = publicIP;
        if (Run is { } run)
            world.Clock.After(TimeSpan.Zero, run.Process, () => run.Readdress(PublicIP));
    }

    /// <summary>Something stands between this agent and etcd, or stood until now.</summary>
    public void Disturb() => CleanSince = world.Clock.Now;

    /// <summary>A snapshot reached the acquirer, or the keeper.</summary>
    public void Read(StoreSnapshot snapshot)
    {
        LastRead = snapshot;
        (_readAt, _readOf) = (world.Clock.Now, world.Etcd.State);
        RefusedSince.Clear();
        _triedSince.Clear();
    }

    /// <summary>It asks to write a key. Whether it has looked for what else there is just before, or was stopped since, only its first try can tell.</summary>
    public void Tries(string path) =>
        _triedSince.TryAdd(path, LastRead is not null && (world.Clock.Now - _readAt < FreshLook || Run?.Process.ContinuedAt > _readAt));

    /// <summary>Whether it can be expected to know of a key when it writes another: it has seen it, or has not looked at all.</summary>
    public bool ShouldKnow(StoreRecord other, string writes) =>
        (world.Etcd.State == _readOf && other.CreateRevision <= LastRead?.Revision) || !_triedSince.GetValueOrDefault(writes);

    /// <summary>A write of this agent was refused, because the key is not as it expected.</summary>
    public void Refused(string path) => RefusedSince.Add(path);

    /// <summary>Word of a key has reached the agent.</summary>
    public void Hear(StoreRecord record)
    {
        if (Belief is not { } belief || record.Path != StorePaths.Subnet(belief.Key))
            return;
        bool isForeign = KeyRules.IsAnothers(record, Run!.Names);
        if (!isForeign)
            ToldSince = null;
        else if (world.Etcd.Get(record.Path)?.ModRevision == record.ModRevision)
            ToldSince ??= world.Clock.Now;
    }

    /// <summary>It has another lease now, or none.</summary>
    public void ForgetWhatItWasTold() => ToldSince = null;

    private void Forget()
    {
        LastRead = null;
        RefusedSince.Clear();
        _triedSince.Clear();
        ToldSince = null;
        Disturb();
    }
}
