using Overlay.Agent.Firewall.Rules;
using Overlay.Agent.Firewall.Walk;

namespace Overlay.Agent.Firewall.Iptables;

/// <summary>
/// Rules in iptables, through the iptables-save and iptables-restore that are found: whether they write to the kernel's old tables
/// or to nftables is the distribution's choice, and both at once would be two firewalls.
/// </summary>
internal sealed class IptablesFirewall : IFirewall
{
    /// <summary>"Resource problem": mostly the lock.</summary>
    private const int Busy = 4;

    private readonly string _save;
    private readonly string _restore;
    private readonly TimeProvider _time;

    private IptablesFirewall(string name, string save, string restore, TimeProvider time) => (Name, _save, _restore, _time) = (name, save, restore, time);

    /// <inheritdoc/>
    public string Name { get; }

    /// <summary>Looks for the tools.</summary>
    /// <param name="time">For limits of time.</param>
    /// <param name="name">The name the tools begin with: <c>iptables</c>, or one variant of it.</param>
    /// <returns>The firewall, or null where a tool is missing.</returns>
    public static IptablesFirewall? Find(TimeProvider time, string name = "iptables") =>
        HostTool.Find($"{name}-save") is { } save && HostTool.Find($"{name}-restore") is { } restore ? new IptablesFirewall(name, save, restore, time) : null;

    /// <inheritdoc/>
    public async Task<FirewallFinding> LookAsync(OverlayRules rules, CancellationToken stop)
    {
        IptablesReading reading = await ReadAsync(stop).ConfigureAwait(false);
        // What is still missing is no obstacle.
        if (IptablesPlanner.Plan(reading, rules) is { } plan) return new FirewallFinding(plan, null);
        return new FirewallFinding(null, rules.Forward && reading.Loss(rules) is var (table, packet, verdict) ? Obstacle(table, packet, verdict) : null);
    }

    private static string Obstacle(string table, FirewallPacket packet, FirewallVerdict verdict) =>
        $"packets from {packet.In} to {packet.Out} are dropped in table {table}, before they come as far as our accepts, by {verdict.By}; "
        + (table == IptablesChain.Forward.Table ? $"iptables -I FORWARD -j {IptablesChain.Forward.Name}" : $"iptables -t {table} -I PREROUTING -i {packet.In} -j ACCEPT")
        + " puts an accept first, or remove what drops them";

    /// <summary>Reads all tables in one run.</summary>
    /// <exception cref="FirewallException">The tool fails.</exception>
    public async Task<IptablesReading> ReadAsync(CancellationToken stop)
    {
        var (exitCode, output, error) = await HostTool.RunAsync(_save, [], "", IptablesReading.Matters(), _time, stop).ConfigureAwait(false);
        return exitCode == 0 ? IptablesReading.Parse(output) : throw Failure(_save, exitCode, error);
    }

    /// <inheritdoc/>
    public async Task ApplyAsync(RulePlan plan, CancellationToken stop)
    {
        var (exitCode, _, error) = await HostTool.RunAsync(_restore, ["--noflush", "--wait", HostTool.LockWait], plan.Script, _ => false, _time, stop).ConfigureAwait(false);
        if (exitCode != 0) throw Failure(_restore, exitCode, error);
    }

    private static FirewallException Failure(string tool, int exitCode, string error)
    {
        // It says no more when it is not allowed to open its raw socket, and "busy" when the folder of the lock is read-only.
        bool lacksRight = error.Contains("unable to initialize table", StringComparison.Ordinal), lacksLock = error.Contains("can't open lock file", StringComparison.Ordinal);
        string hint = lacksRight ? " (iptables-legacy needs CAP_NET_RAW beside CAP_NET_ADMIN, and the kernel's module of that table)"
            : lacksLock ? " (iptables-legacy must be able to make and open that file: ReadWritePaths= of the unit)" : "";
        return new FirewallException($"{tool} ended with {exitCode}: {Text.Printable.Line(error)}{hint}", exitCode == Busy && !lacksLock);
    }
}
