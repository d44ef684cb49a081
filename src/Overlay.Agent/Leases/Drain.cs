using System.Net;
using Overlay.Agent.Cli.Verbs;
using Overlay.Agent.Configuration;
using Overlay.Agent.Files;
using Overlay.Agent.State;
using Overlay.Subnet.Etcd;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;
using Overlay.Subnet.Survey;

namespace Overlay.Agent.Leases;

/// <summary>
/// <c>leases release</c> without a subnet: takes this node out of the network while its agent is stopped. Its leases go, and with them
/// everything here that names the subnet: the hint in the state file, subnet.env and Docker's options, since by the next start the subnet
/// may be another node's. Node id and VTEP MAC stay: they are this machine's, whatever subnet it has. A reservation stays too: it is the
/// operator's word that the subnet is this node's, and is taken back by naming it.
/// </summary>
/// <param name="Etcd">Where.</param>
/// <param name="StateDirectory">The agent's state folder.</param>
/// <param name="Files">Files that name the subnet; the first is read as subnet.env to learn which.</param>
/// <param name="Yes">Leave was given on the command line.</param>
/// <param name="DryRun">Only say what would be done.</param>
internal sealed record Drain(EtcdSettings Etcd, string StateDirectory, IReadOnlyList<string> Files, bool Yes, bool DryRun)
{
    /// <summary>Whether etcd can be read, before anything is done that only makes sense then.</summary>
    /// <returns>0; otherwise the reason has been said.</returns>
    public Task<int> LookAsync(VerbConsole console, CancellationToken stop) => EtcdSession.RunAsync(Etcd, console, async store =>
    {
        await ClusterView.ReadAsync(store, stop).ConfigureAwait(false);
        return 0;
    }, stop);

    /// <summary>Drains.</summary>
    public async Task<int> RunAsync(VerbConsole console, CancellationToken stop)
    {
        if (!Directory.Exists(StateDirectory)) return Refuse(console, $"no agent has run here: there is no {StateDirectory} (--state-dir names another)");
        if (!InstanceLock.TryAcquire(StateDirectory, out InstanceLock? held, out string? problem))
            return Refuse(console, $"{problem}. A running agent would take its subnet back at once: stop it first (systemctl disable --now overlay-agent, so that no boot starts it again), release, then clean up (overlay-agent cleanup)");
        using (held)
        {
            StateFile file = new(StateDirectory);
            LoadedState loaded = file.Load();
            if (loaded.Problem is not null) console.Complain($"the state in {StateDirectory}: {loaded.Problem}");
            if (loaded.State is not { } state) return Refuse(console, $"{StateDirectory} does not say who this node is; overlay-agent leases release SUBNET frees a subnet by name");
            return await EtcdSession.RunAsync(Etcd, console, store => ReleaseAsync(store, file, state, console, stop), stop).ConfigureAwait(false);
        }
    }

    private async Task<int> ReleaseAsync(EtcdLeaseStore store, StateFile file, AgentState state, VerbConsole console, CancellationToken stop)
    {
        ClusterView view = await ClusterView.ReadAsync(store, stop).ConfigureAwait(false);
        foreach (Lease reserved in view.Leases.Where(l => l.IsReservation && IsOurs(l)))
            console.Complain($"{reserved.Subnet} is reserved for this node and stays so; overlay-agent leases release {reserved.Subnet} ends that");
        (Lease Lease, StoreRecord Record)[] leases = [.. view.Keys.Where(k => k.Lease is { IsReservation: false } lease && IsOurs(lease)).Select(k => (k.Lease!, k.Record))];
        IPNetwork[] subnets = [.. leases.Select(l => l.Lease.Subnet)];
        string what = subnets.Length == 0 ? "no lease of this node in etcd" : string.Join(", ", subnets);
        if (DryRun)
        {
            console.Out.WriteLine($"would release {what}");
            return 0;
        }
        if (leases.Length > 0 && !await console.MayAsync($"release {what}", Yes, stop).ConfigureAwait(false)) return 1;

        foreach ((Lease lease, StoreRecord record) in leases)
        {
            if (!await DeleteAsync(store, record, stop).ConfigureAwait(false))
                return Refuse(console, $"{lease.Key} was written by somebody else just now and was left alone; does another machine have a copy of this one's state?");
            console.Out.WriteLine($"released {lease.Subnet}");
        }
        if (leases.Length == 0) console.Out.WriteLine(what);
        return Forget(file, state, subnets, console);

        bool IsOurs(Lease lease) => lease.Attributes.NodeId == state.NodeId;
    }

    // Revoking deletes whatever key is attached by then, but nobody else attaches one: the agent that could is stopped, and we hold its lock.
    private static async Task<bool> DeleteAsync(EtcdLeaseStore store, StoreRecord lease, CancellationToken stop)
    {
        WriteResult result = await store.DeleteAsync(lease.Path, lease, stop).ConfigureAwait(false);
        if (!result.Succeeded) return false;
        EtcdLeaseLife? life = await store.LifeAsync(lease.EtcdLeaseId, stop).ConfigureAwait(false);
        if (life is { Keys: 0 }) await store.RevokeAsync(lease.EtcdLeaseId, stop).ConfigureAwait(false);
        return true;
    }

    private int Forget(StateFile file, AgentState state, IReadOnlyList<IPNetwork> released, VerbConsole console)
    {
        // The network stays: cleanup tells by it whose the rules are.
        bool forgotten = file.TrySave(state with { Subnet = null }, out string? problem);
        if (!forgotten) console.Complain($"the state in {StateDirectory} still names the subnet: {problem}");

        IPNetwork? inFile = SubnetEnvFile.ReadPrevious(Files[0]).Subnet;
        if (inFile is { } subnet && (released.Contains(subnet) || subnet == state.Subnet))
        {
            foreach (string path in Files.Append(state.DockerOptionsFile).OfType<string>().Distinct()) forgotten &= Remove(path, console);
        }
        console.Error.WriteLine("overlay-agent cleanup removes device, routes and firewall rules; Docker keeps its bridge until it is restarted with other options");
        return forgotten ? 0 : 1;
    }

    private static bool Remove(string path, VerbConsole console)
    {
        try
        {
            if (!File.Exists(path)) return true;
            File.Delete(path);
            console.Out.WriteLine($"removed {path}");
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            console.Complain($"{path} cannot be removed: {e.Message}");
            return false;
        }
    }

    private static int Refuse(VerbConsole console, string why)
    {
        console.Complain(why);
        return 1;
    }
}
