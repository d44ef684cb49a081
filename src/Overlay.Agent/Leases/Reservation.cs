using System.Net;
using Overlay.Agent.Cli.Verbs;
using Overlay.Agent.Configuration;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;
using Overlay.Subnet.Survey;

namespace Overlay.Agent.Leases;

/// <summary>
/// <c>leases reserve</c>: keeps a subnet for one node, by a key without an etcd lease, which never expires. The node takes it when it next
/// starts; a lease that it holds there already is turned into a reservation where it stands.
/// </summary>
/// <param name="Etcd">Where.</param>
/// <param name="Subnet">The subnet.</param>
/// <param name="PublicIP">The node, as flannel names nodes.</param>
/// <param name="DryRun">Only say what would be done.</param>
internal sealed record Reservation(EtcdSettings Etcd, IPNetwork Subnet, IPAddress PublicIP, bool DryRun)
{
    /// <summary>Reserves.</summary>
    public Task<int> RunAsync(VerbConsole console, CancellationToken stop) => EtcdSession.RunAsync(Etcd, console, async store =>
    {
        ClusterView view = await ClusterView.ReadAsync(store, stop).ConfigureAwait(false);
        if (Refusal(view) is { } refusal)
        {
            console.Complain($"{Subnet} cannot be reserved for {PublicIP}: {refusal}");
            return 1;
        }
        SurveyedKey? standing = view.Keys.FirstOrDefault(k => k.Key?.Subnet == Subnet);
        if (standing?.Lease is { IsReservation: true })
        {
            console.Out.WriteLine($"{Subnet} is reserved for {PublicIP} already");
            return 0;
        }
        Advise(view, standing?.Lease, console);
        if (DryRun)
        {
            console.Out.WriteLine(standing is null ? $"would reserve {Subnet} for {PublicIP}" : $"would turn the lease of {PublicIP} on {Subnet} into a reservation");
            return 0;
        }
        ReadOnlyMemory<byte> value = standing?.Record.Value ?? new LeaseAttributes { PublicIP = PublicIP }.ToJson();
        WriteResult result = await store.PutAsync(
            StorePaths.Subnet(SubnetKey.For(Subnet)), value, etcdLeaseId: 0, standing?.Record, stop).ConfigureAwait(false);
        if (!result.Succeeded)
        {
            console.Complain($"{Subnet} was written by somebody else just now; nothing was changed, look with overlay-agent leases");
            return 1;
        }
        console.Out.WriteLine($"reserved {Subnet} for {PublicIP}");
        return 0;
    }, stop);

    private string? Refusal(ClusterView view)
    {
        if (view.Config is not { } config) return view.ConfigProblem;
        if (SubnetFit.Misfit(config, Subnet) is { } misfit) return misfit;
        if (config.Network.Contains(PublicIP)) return $"{PublicIP} is inside of the overlay network {config.Network}";
        foreach (SurveyedKey key in view.Keys.Where(k => k.Key is not null && k.Key.Value.Subnet.Overlaps(Subnet)))
        {
            if (key.Lease is null) return $"its key {key.Key} holds what no agent can read ({key.Problems[0]}); overlay-agent leases release {Subnet} frees it";
            if (!key.Lease.Attributes.PublicIP.Equals(PublicIP)) return $"{key.Lease.Subnet} is {(key.Lease.IsReservation ? "reserved for" : "held by")} {key.Lease.Attributes.PublicIP}";
            if (key.Key != SubnetKey.For(Subnet)) return $"its node holds {key.Key}, which overlaps; overlay-agent leases release {key.Lease.Subnet} frees that";
        }
        Lease? other = view.Leases.FirstOrDefault(l => l.IsReservation && l.Attributes.PublicIP.Equals(PublicIP) && l.Subnet != Subnet);
        return other is null ? null : $"{other.Subnet} is reserved for it already; overlay-agent leases release {other.Subnet} frees that";
    }

    private void Advise(ClusterView view, Lease? standing, VerbConsole console)
    {
        if (standing is { Attributes.NodeId: null })
            console.Complain($"{Subnet} was leased by flanneld, which puts its lease of a day back at its next renewal and ends the reservation");
        foreach (Lease other in view.Leases.Where(l => l.Attributes.PublicIP.Equals(PublicIP) && l.Subnet != Subnet))
            console.Complain($"{PublicIP} holds {other.Subnet} now; it moves to {Subnet} when its agent is restarted, and its Docker with it");
    }
}
