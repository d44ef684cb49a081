using System.Net;
using System.Runtime.ExceptionServices;
using Overlay.Netns.Tests.Support;

namespace Overlay.Netns.Tests.Network;

/// <summary>
/// The switch that all hosts of one test are plugged into, 192.168.64.0/24, and a folder for their files. Nothing is made in the
/// machine's own namespace, so nothing can collide there; no packet leaves.
/// </summary>
/// <remarks>Disposing takes everything apart in the reverse order of its making, also after a failure.</remarks>
internal sealed class Underlay : IAsyncDisposable
{
    public const int Mtu = 1500;

    private const string RunPrefix = "ovt";
    private static int _count;

    private readonly string _prefix = $"{RunPrefix}{Environment.ProcessId}-{Interlocked.Increment(ref _count)}";
    private readonly Stack<IAsyncDisposable> _made = new();
    private readonly List<Func<Task>> _checks = [];
    private readonly NetworkNamespace _switch;

    private Underlay() => _switch = CreateNamespace("switch");

    /// <summary>For logs and files of the nodes.</summary>
    public string Folder { get; } = Directory.CreateTempSubdirectory("overlay-netns-").FullName;

    /// <summary>Makes an empty switch.</summary>
    public static Underlay Create()
    {
        RemoveLeftovers();
        Underlay underlay = new();
        // Frames of the switch are none of the firewall's business.
        if (underlay._switch.Enter(() => File.Exists("/proc/sys/net/bridge/bridge-nf-call-iptables"))) underlay._switch.SetSysctl("bridge/bridge-nf-call-iptables", "0");
        underlay._switch.Ip($"link add br0 mtu {Mtu} type bridge stp_state 0", "link set br0 up");
        return underlay;
    }

    /// <summary>An address of the underlay.</summary>
    public static IPAddress AddressOf(int number) => IPAddress.Parse($"192.168.64.{number}");

    /// <summary>Plugs a new host into the switch.</summary>
    public Host Attach(string name, int number)
    {
        Host host = new(name, AddressOf(number), CreateNamespace(name));
        PlugIn(host);
        // What Docker switches on for the container network.
        host.Namespace.SetSysctl("ipv4/ip_forward", "1");
        return host;
    }

    /// <summary>Gives a host without a network card one, eth0, and plugs it into the switch.</summary>
    public void PlugIn(Host host)
    {
        host.Namespace.Ip(
            $"link add eth0 mtu {Mtu} type veth peer name {host.Name} mtu {Mtu} netns {_switch.Name}",
            $"address add {host.Address}/24 dev eth0",
            "link set eth0 up");
        _switch.Ip($"link set {host.Name} master br0 up");
    }

    /// <summary>Gives the host's network card and its port on the switch the features of a profile (DATAPATH, underlay profiles).</summary>
    public void SetProfile(UnderlayProfile profile, Host host)
    {
        string features = profile switch
        {
            UnderlayProfile.Full => "tso on gso on gro off tx-udp-segmentation on tx-udp_tnl-segmentation on tx-udp_tnl-csum-segmentation on",
            UnderlayProfile.Uso => "tso on gso on gro on tx-udp-segmentation on tx-udp_tnl-segmentation off tx-udp_tnl-csum-segmentation off",
            _ => "tso off gso on gro on tx-udp-segmentation off tx-udp_tnl-segmentation off tx-udp_tnl-csum-segmentation off",
        };
        host.Namespace.Must("ethtool", ["-K", "eth0", "tx", "on", "rx", "on", .. features.Split(' ')]);
        _switch.Must("ethtool", ["-K", host.Name, "tx", "on", "rx", "on", .. features.Split(' ')]);
    }

    /// <summary>Makes a namespace of this underlay.</summary>
    public NetworkNamespace CreateNamespace(string name)
    {
        NetworkNamespace space = NetworkNamespace.Create($"{_prefix}-{name}");
        _made.Push(new Disposal(space));
        return space;
    }

    /// <summary>Has something disposed of before everything that was made earlier.</summary>
    public T Own<T>(T made) where T : IAsyncDisposable
    {
        _made.Push(made);
        return made;
    }

    /// <summary>Has something checked when the test is over, while everything still stands.</summary>
    public void CheckAtEnd(Func<Task> check) => _checks.Add(check);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        List<Exception> failures = [];
        foreach (Func<Task> check in _checks) await CollectAsync(check, failures);
        while (_made.TryPop(out IAsyncDisposable? made)) await CollectAsync(() => made.DisposeAsync().AsTask(), failures);
        await CollectAsync(() =>
        {
            Directory.Delete(Folder, recursive: true);
            Assert.DoesNotContain(_prefix + "-", Tool.Must("ip", ["netns", "list"]), StringComparison.Ordinal);
            return Task.CompletedTask;
        }, failures);
        if (failures.Count == 1) ExceptionDispatchInfo.Throw(failures[0]);
        if (failures.Count > 1) throw new AggregateException(failures);
    }

    // One failure must not keep the rest from being taken apart.
    private static async Task CollectAsync(Func<Task> step, List<Exception> failures)
    {
        try
        {
            await step();
        }
        catch (Exception e)
        {
            failures.Add(e);
        }
    }

    // A run that was killed leaves its namespaces, and what runs in them, behind.
    private static void RemoveLeftovers()
    {
        foreach (string line in Tool.Must("ip", ["netns", "list"]).Split('\n'))
        {
            string name = line.Split(' ')[0], owner = name.Split('-')[0];
            if (!owner.StartsWith(RunPrefix, StringComparison.Ordinal) || !int.TryParse(owner[RunPrefix.Length..], out int process)) continue;
            if (Directory.Exists($"/proc/{process}")) continue;
            foreach (string left in Tool.Must("ip", ["netns", "pids", name]).Split('\n', StringSplitOptions.RemoveEmptyEntries)) Tool.Run("kill", ["-9", left]);
            Tool.Run("ip", ["netns", "delete", name]);
        }
    }

    private sealed class Disposal(IDisposable made) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            made.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
