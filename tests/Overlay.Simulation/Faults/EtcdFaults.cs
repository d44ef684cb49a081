using Overlay.Simulation.Agents;
using Overlay.Simulation.Etcd;

namespace Overlay.Simulation.Faults;

/// <summary>Faults of etcd as a whole.</summary>
public sealed class EtcdFaults(World world) : FaultSource(world)
{
    private EtcdState? _backup;
    private ulong _clusters = 1;

    private SimEtcd Etcd => World.Etcd;

    public void Draw()
    {
        if (Etcd.IsDown || Etcd.IsStalled)
            return;
        switch (Random.Next(12))
        {
            case 0 or 1:
                Restart(Fault.EtcdRestart, "the same data", null);
                break;
            case 2 or 3:
                Stall();
                break;
            case 4:
                Wipe();
                break;
            case 5:
                Restore();
                break;
            case 6 or 7:
                _backup = Etcd.State.Copy();
                if (World.Trace.IsOn)
                    World.Trace.Line("faults", $"a backup is taken at revision {Etcd.State.Revision}");
                break;
            case 8 or 9:
                Etcd.Bump(1 + Random.Next(40));
                break;
            default:
                Say(Fault.Compaction, $"up to revision {Etcd.State.Revision}");
                Etcd.Compact();
                break;
        }
    }

    public void Heal()
    {
        if (Etcd.IsStalled)
            Continue();
        if (Etcd.IsDown)
            Start();
        DisturbAll();
    }

    private void Restart(Fault fault, string what, EtcdState? data)
    {
        TimeSpan duration = Duration();
        Say(fault, $"etcd is down for {duration.TotalSeconds:0.0} s and comes back with {what}");
        Etcd.Stop();
        if (data is not null)
        {
            Etcd.Replace(data);
            World.Writes.ExcuseAll();
        }
        DisturbAll();
        World.Clock.After(duration, null, () =>
        {
            if (Etcd.IsDown)
                Start();
            DisturbAll();
        });
    }

    private void Start() => Etcd.Restart(promote: Random.Next(2) == 0);

    private void Stall()
    {
        TimeSpan duration = TimeSpan.FromSeconds(0.5 + 20 * Random.NextDouble());
        Say(Fault.EtcdStall, $"for {duration.TotalSeconds:0.0} s");
        Etcd.Stall();
        foreach (SimAgent agent in World.Agents)
            agent.Link.LoseSight();
        DisturbAll();
        World.Clock.After(duration, null, () =>
        {
            if (Etcd.IsStalled)
                Continue();
            DisturbAll();
        });
    }

    private void Continue()
    {
        Etcd.Continue();
        foreach (SimAgent agent in World.Agents)
        {
            if (!agent.Link.IsCut)
                agent.Link.RegainSight();
        }
    }

    private void Wipe() => SetBack(Fault.Wipe, "nothing", new EtcdState());

    private void Restore()
    {
        if (_backup is null)
            return;
        EtcdState data = _backup.Copy();
        SetBack(Fault.Restore, $"the backup of revision {data.Revision}", data);
    }

    // As a new cluster, which "etcdctl snapshot restore" makes, or as the same: a data folder copied back or emptied keeps the cluster's id.
    private void SetBack(Fault fault, string what, EtcdState data)
    {
        bool isNew = Random.Next(2) == 0;
        data.ClusterId = isNew ? ++_clusters : Etcd.State.ClusterId;
        _backup = null;
        Restart(fault, $"{what}, as {(isNew ? "a new" : "the same")} cluster", data);
    }
}
