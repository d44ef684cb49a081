using System.Net;
using System.Text;
using Overlay.Simulation.Agents;
using Overlay.Simulation.Etcd;
using Overlay.Simulation.Network;
using Overlay.Simulation.Rules;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;

namespace Overlay.Simulation.Faults;

/// <summary>What operators and other programs do to the keys, without asking.</summary>
public sealed class KeyFaults(World world) : FaultSource(world)
{
    private static readonly Writer Operator = Writer.Outsider("operator");
    private static readonly Writer Flannel = Writer.Outsider("flannel");

    private int _foreigners;

    private SimEtcd Etcd => World.Etcd;

    public void WriteConfig() => Etcd.Put(Operator, StorePaths.Config, Encoding.UTF8.GetBytes(World.ConfigText), 0);

    public void Draw()
    {
        if (Etcd.IsDown || Etcd.IsStalled)
            return;
        SimAgent agent = AnyAgent();
        string own = StorePaths.Subnet(agent.Belief?.Key ?? SubnetKey.For(AnySubnet()));
        string any = StorePaths.Subnet(SubnetKey.For(AnySubnet()));
        switch (Random.Next(23))
        {
            case 0 or 1:
                Say(Fault.KeyDeleted, own);
                Etcd.Delete(Operator, [own]);
                break;
            case 2:
                Say(Fault.AllKeysDeleted, "");
                Etcd.Delete(Operator, [.. Etcd.State.Records.Keys.Where(key => key.StartsWith(StorePaths.Subnets, StringComparison.Ordinal))]);
                break;
            case 3:
                Say(Fault.KeyOverwritten, own);
                Etcd.Put(Operator, own, Stranger().ToJson(), Etcd.Grant(World.Timing.Ttl));
                break;
            case 4:
                Say(Fault.KeyGarbled, own);
                Etcd.Put(Operator, own, "{\"oops"u8.ToArray(), Random.Next(2) == 0 ? 0 : Etcd.Get(own)?.EtcdLeaseId ?? 0);
                break;
            case 5 when Etcd.Get(own) is { } record:
                Say(Fault.KeyReserved, own);
                Etcd.Put(Operator, own, record.Value, 0);
                break;
            case 6 when Etcd.Get(any) is null:
                Say(Fault.ReservationMade, $"{any} for {agent.Name}");
                Etcd.Put(Operator, any, agent.Wanted.ToJson(), 0);
                break;
            case 7 or 8:
                TakeReservation();
                break;
            case 9 when Etcd.Get(any) is null:
                Say(Fault.ForeignLease, any);
                ForeignKey(any);
                break;
            case 10 or 11 or 12:
                Say(Fault.ForeignOverwrite, own);
                ForeignKey(own);
                break;
            case 13 or 14 when Etcd.Get(own) is { EtcdLeaseId: > 0 } leased:
                Say(Fault.LeaseRevoked, $"{leased.EtcdLeaseId} of {own}");
                Etcd.Revoke(Operator, leased.EtcdLeaseId);
                break;
            case 15 or 16 or 17 or 18:
                Overtake(agent, any);
                break;
            case 19 or 20:
                HoldUp(agent, own);
                break;
            default:
                ChangeConfig();
                break;
        }
    }

    private static string Around(string path)
    {
        IPNetwork subnet = KeyRules.SubnetOf(path)!.Value;
        return StorePaths.Subnet(SubnetKey.For(IPv4.Network(IPv4.First(subnet), subnet.PrefixLength - 1)));
    }

    private IPNetwork AnySubnet() => World.Pool[Random.Next(World.Pool.Count)];

    private LeaseAttributes Stranger() => new()
    {
        PublicIP = IPAddress.Parse($"192.168.9.{1 + ++_foreigners % 250}"),
        BackendType = "vxlan",
        Vni = 1,
        VtepMac = $"02:00:00:ff:00:{_foreigners % 256:x2}",
    };

    // A flannel that renews for a while, then goes, with or without its key.
    private void ForeignKey(string path, TimeSpan? stay = null)
    {
        long lease = Etcd.Grant(World.Timing.Ttl);
        Etcd.Put(Flannel, path, Stranger().ToJson(), lease);
        stay ??= Random.Next(3) == 0 ? Duration() : null;
        if (stay is { } time)
            World.Clock.After(time, null, () => Etcd.Serve(() => Etcd.Revoke(Flannel, lease)));
    }

    // Whoever writes by what he saw a moment ago meets what stands there now.
    private void Overtake(SimAgent agent, string free)
    {
        bool isReservation = Random.Next(4) == 0;
        int scene = Random.Next(3);
        bool isOfDeletion = scene == 0;
        if (World.Trace.IsOn)
            World.Trace.Line("faults", $"somebody will be quicker than the next {(isOfDeletion ? "deletion" : "write")} by {agent.Name}");
        agent.Rival = (path, isDeletion) =>
        {
            if (isOfDeletion && !isDeletion)
                return;
            agent.Rival = null;
            Say(Fault.WriteOvertaken, path);
            if (isReservation && Etcd.Get(path) is { } record)
                Etcd.Put(Operator, path, record.Value, 0);
            else
                ForeignKey(path);
        };
        // A node deletes a key when it starts and finds a better one of its own; it takes one over that a flannel has left under its address.
        if (scene == 2 || agent.Belief is not { } held || Etcd.Get(free) is not null)
            return;
        if (isOfDeletion)
        {
            Say(Fault.ReservationMade, $"{free} for {agent.Name}, which is restarted for it");
            Etcd.Put(Operator, free, agent.Wanted.ToJson(), 0);
        }
        else
        {
            string path = StorePaths.Subnet(held.Key);
            Say(Fault.FlannelInstead, $"{path} of {agent.Name}, which runs flannel for a moment");
            Etcd.Put(Flannel, path, (agent.Wanted with { NodeId = null, VtepMac = $"02:00:00:fe:00:{++_foreigners % 256:x2}" }).ToJson(), Etcd.Grant(World.Timing.Ttl));
        }
        agent.Crash(TimeSpan.FromSeconds(Random.NextDouble()), installedAnew: false);
    }

    // An agent loses its subnet, and the key that it makes next is held up beyond its patience. When it asks again somebody else has that key, or
    // one that overlaps it, for a moment: so it takes a third, and then the request arrives.
    private void HoldUp(SimAgent agent, string own)
    {
        agent.Link.NextWriteTakes = SimLink.RequestTimeout + TimeSpan.FromSeconds(1 + 6 * Random.NextDouble());
        if (World.Trace.IsOn)
            World.Trace.Line("faults", $"the next write of {agent.Name} will be held up for {agent.Link.NextWriteTakes.Value.TotalSeconds:0.0} s");
        Say(Fault.ForeignOverwrite, own);
        ForeignKey(own);
        TimeSpan stay = TimeSpan.FromSeconds(2 * Random.NextDouble());
        bool overlaps = Random.Next(2) == 0;
        agent.Rival = (path, isDeletion) =>
        {
            if (isDeletion)
                return;
            agent.Rival = null;
            Say(Fault.WriteOvertaken, path);
            ForeignKey(overlaps ? Around(path) : path, stay);
        };
    }

    private void TakeReservation()
    {
        string[] reserved = [.. Etcd.State.Records.Values
            .Where(record => record.EtcdLeaseId == 0 && record.Path.StartsWith(StorePaths.Subnets, StringComparison.Ordinal)).Select(record => record.Path)];
        if (reserved.Length == 0)
            return;
        string path = reserved[Random.Next(reserved.Length)];
        Say(Fault.ReservationTaken, path);
        Etcd.Delete(Operator, [path]);
    }

    private void ChangeConfig()
    {
        int kind = Random.Next(World.OtherConfigs.Count + 3);
        if (kind == 0)
        {
            Say(Fault.ConfigChanged, "deleted");
            Etcd.Delete(Operator, [StorePaths.Config]);
            return;
        }
        string text = kind == 1 ? "{" : kind == 2 ? World.ConfigText : World.OtherConfigs[kind - 3];
        Say(Fault.ConfigChanged, text);
        Etcd.Put(Operator, StorePaths.Config, Encoding.UTF8.GetBytes(text), 0);
        // Whoever changes it restarts the agents, one after the other.
        foreach (SimAgent agent in World.Agents.Where(_ => Random.Next(3) == 0))
        {
            TimeSpan away = TimeSpan.FromSeconds(5 * Random.NextDouble());
            Say(Fault.RestartForConfig, agent.Name);
            agent.Crash(away, installedAnew: false);
        }
    }
}
