using System.Net;
using Overlay.Agent.Cli.Verbs;
using Overlay.Agent.Files;
using Overlay.Agent.Firewall;
using Overlay.Agent.Firewall.Iptables;
using Overlay.Agent.Firewall.Nftables;
using Overlay.Agent.Firewall.Rules;
using Overlay.Agent.State;
using Overlay.Agent.Tunnel;
using Overlay.Encap.Linux.Gate;
using Overlay.Encap.Linux.Netlink;

namespace Overlay.Agent.Cleanup;

/// <summary>
/// Takes from this host what the agent has left on it: rules, device and routes, files. Works without etcd, from the state file
/// and subnet.env. Doing it twice does nothing more; what others made stays, also in chains and tables of ours.
/// </summary>
/// <remarks>Used once.</remarks>
internal sealed class Cleaner(CleanupRequest request, VerbConsole console, TimeProvider time)
{
    private int _done;
    private int _failed;

    /// <summary>Cleans up and says on standard output what went.</summary>
    /// <returns>0 when nothing is left; 1 when the agent runs or something could not be removed.</returns>
    public async Task<int> RunAsync(CancellationToken stop)
    {
        InstanceLock? held = null;
        // Where there is no folder nobody runs with it, and taking the lock would make it.
        if (Directory.Exists(request.StateDirectory) && !InstanceLock.TryAcquire(request.StateDirectory, out held, out string? problem))
        {
            await console.Error.WriteLineAsync($"overlay-agent cleanup: nothing was touched, the agent has to be stopped first: {problem}").ConfigureAwait(false);
            return 1;
        }
        using (held)
        {
            if (request.DryRun) await console.Out.WriteLineAsync("dry run, nothing is changed; this would be done:").ConfigureAwait(false);
            AgentState? state = new StateFile(request.StateDirectory).Load().State;
            PreviousSubnet env = SubnetEnvFile.ReadPrevious(request.SubnetFile);
            IReadOnlyList<IPNetwork> networks = request.Network is { } given ? [given] : [.. new[] { env.Network, state?.Network }.OfType<IPNetwork>().Distinct()];
            // Not where a state is without one: a daemon that never leased has left nothing.
            bool isLost = networks.Count == 0 && state is null;
            await RemoveRulesAsync(networks, isLost, stop).ConfigureAwait(false);
            await RemoveFromKernelAsync(networks, isLost, [.. new[] { env.Subnet, state?.Subnet }.OfType<IPNetwork>().Distinct()]).ConfigureAwait(false);
            if (env is { Network: not null } or { Subnet: not null }) await RemoveFileAsync(request.SubnetFile).ConfigureAwait(false);
            else if (env.Problem is not null) await SkipAsync($"{request.SubnetFile} is left, it is no subnet file: {env.Problem}").ConfigureAwait(false);
            string? options = request.DockerOptsFile ?? state?.DockerOptionsFile;
            if (options?.StartsWith("/dev/", StringComparison.Ordinal) == false) await RemoveFileAsync(options).ConfigureAwait(false);
            if (request.WithState) await RemoveStateAsync().ConfigureAwait(false);
        }
        if (_done == 0 && _failed == 0) await console.Out.WriteLineAsync("nothing of overlay-agent is left here").ConfigureAwait(false);
        return _failed == 0 ? 0 : 1;
    }

    private async Task RemoveRulesAsync(IReadOnlyList<IPNetwork> networks, bool isLost, CancellationToken stop)
    {
        if (networks.Count == 0 && !isLost) return;
        OverlayRules none = OverlayRules.None(isLost ? [OverlayRules.Everything] : networks);
        // Not only the variant in use: it may have been another one when the rules were made.
        IFirewall?[] variants = [IptablesFirewall.Find(time, "iptables-nft"), IptablesFirewall.Find(time, "iptables-legacy")];
        if (variants.All(variant => variant is null)) variants = [IptablesFirewall.Find(time)];
        foreach (IFirewall firewall in variants.Append(NftFirewall.Find(time, iptables: null)).OfType<IFirewall>())
        {
            try
            {
                if ((await firewall.LookAsync(none, stop).ConfigureAwait(false)).Plan is not { } plan) continue;
                if (isLost)
                {
                    await LeaveAsync($"rules of {firewall.Name}").ConfigureAwait(false);
                    continue;
                }
                if (!request.DryRun) await firewall.ApplyAsync(plan, stop).ConfigureAwait(false);
                foreach (string change in plan.Changes) await DoneAsync($"{firewall.Name}: {change}").ConfigureAwait(false);
            }
            catch (FirewallException e)
            {
                await FailAsync($"{firewall.Name}: {e.Message}").ConfigureAwait(false);
            }
        }
    }

    private async Task RemoveFromKernelAsync(IReadOnlyList<IPNetwork> networks, bool isLost, IReadOnlyList<IPNetwork> subnets)
    {
        try
        {
            using RouteNetlink netlink = new();
            await RemoveDevicesAsync(netlink, subnets).ConfigureAwait(false);
            await RemoveBlackholesAsync(netlink, networks, isLost).ConfigureAwait(false);
        }
        catch (LinuxException e)
        {
            await FailAsync(e.Message).ConfigureAwait(false);
        }
    }

    // A TUN device goes with its process, unless that made it to stay. The kernel's own VXLAN device is flanneld's.
    private async Task RemoveDevicesAsync(RouteNetlink netlink, IReadOnlyList<IPNetwork> subnets)
    {
        IReadOnlyList<AddressInfo> addresses = netlink.Addresses();
        foreach (LinkInfo link in netlink.Links().Where(link => link.Kind == "tun"))
        {
            bool hasOurs = addresses.Any(a => a.LinkIndex == link.Index && a.PrefixLength == 32 && subnets.Any(subnet => subnet.BaseAddress.Equals(a.Address)));
            bool isOurs = request.Device is { } name ? link.Name == name : link.Name.StartsWith("flannel.", StringComparison.Ordinal) && hasOurs;
            if (!isOurs) continue;
            if (!request.DryRun) netlink.DeleteLink(link.Index);
            await DoneAsync($"device {link.Name} removed, with its addresses and routes").ConfigureAwait(false);
        }
    }

    // They belong to no device, so none takes them along.
    private async Task RemoveBlackholesAsync(RouteNetlink netlink, IReadOnlyList<IPNetwork> networks, bool isLost)
    {
        foreach (IPNetwork subnet in netlink.MainTable().Where(OverlayLink.IsOwnBlackhole).Select(route => route.Destination))
        {
            if (isLost) await LeaveAsync($"the blackhole route to {subnet}").ConfigureAwait(false);
            if (!networks.Any(network => network.Contains(subnet.BaseAddress))) continue;
            if (!request.DryRun) netlink.DeleteBlackhole(subnet, OverlayLink.BlackholeMetric, OverlayLink.RouteProtocol);
            await DoneAsync($"blackhole route to {subnet} removed").ConfigureAwait(false);
        }
    }

    private async Task RemoveStateAsync()
    {
        await RemoveFileAsync(Path.Combine(request.StateDirectory, StateFile.FileName)).ConfigureAwait(false);
        await RemoveFileAsync(Path.Combine(request.StateDirectory, CacheFile.FileName)).ConfigureAwait(false);
        await RemoveFileAsync(Path.Combine(request.StateDirectory, InstanceLock.FileName)).ConfigureAwait(false);
        if (!Directory.Exists(request.StateDirectory)) return;
        if (!request.DryRun && Directory.EnumerateFileSystemEntries(request.StateDirectory).Any())
        {
            await SkipAsync($"folder {request.StateDirectory} is left, it holds more than the state").ConfigureAwait(false);
            return;
        }
        await RemoveAsync($"folder {request.StateDirectory}", () => Directory.Delete(request.StateDirectory)).ConfigureAwait(false);
    }

    private Task RemoveFileAsync(string path) => File.Exists(path) ? RemoveAsync($"file {path}", () => File.Delete(path)) : Task.CompletedTask;

    private async Task RemoveAsync(string what, Action remove)
    {
        try
        {
            if (!request.DryRun) remove();
            await DoneAsync($"{what} removed").ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            await FailAsync($"{what}: {e.Message}").ConfigureAwait(false);
        }
    }

    private Task DoneAsync(string what)
    {
        _done++;
        return console.Out.WriteLineAsync(what);
    }

    private Task LeaveAsync(string what) => FailAsync(
        $"{what}: neither {Path.Combine(request.StateDirectory, StateFile.FileName)} nor {request.SubnetFile} tells whose overlay they are of; name it with --network=10.1.0.0/16 (0.0.0.0/0 for all)");

    private Task SkipAsync(string what) => console.Error.WriteLineAsync($"overlay-agent cleanup: {what}");

    private Task FailAsync(string problem)
    {
        _failed++;
        return console.Error.WriteLineAsync($"overlay-agent cleanup: not removed: {problem}");
    }
}
