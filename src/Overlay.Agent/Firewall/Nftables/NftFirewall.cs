using Overlay.Agent.Firewall.Iptables;
using Overlay.Agent.Firewall.Rules;

namespace Overlay.Agent.Firewall.Nftables;

/// <summary>Rules in a table of our own in nftables, through nft.</summary>
internal sealed class NftFirewall : IFirewall
{
    // Docker makes most of its rules when it starts.
    private static readonly TimeSpan IptablesEvery = TimeSpan.FromMinutes(1);

    private readonly string _nft;
    private readonly IptablesFirewall? _iptables;
    private readonly TimeProvider _time;
    private long? _iptablesRead;
    private string? _obstacle;

    private NftFirewall(string nft, IptablesFirewall? iptables, TimeProvider time) => (_nft, _iptables, _time) = (nft, iptables, time);

    /// <inheritdoc/>
    public string Name => "nftables";

    /// <summary>Looks for the tool.</summary>
    /// <param name="time">For limits of time.</param>
    /// <param name="iptables">Asked for what its rules drop, which no rule of nftables can accept; null for nobody.</param>
    /// <returns>The firewall, or null where the tool is missing.</returns>
    public static NftFirewall? Find(TimeProvider time, IptablesFirewall? iptables) => HostTool.Find("nft") is { } nft ? new NftFirewall(nft, iptables, time) : null;

    /// <inheritdoc/>
    public async Task<FirewallFinding> LookAsync(OverlayRules rules, CancellationToken stop)
    {
        string[] list = ["list", "table", .. NftChain.Table.Split(' ')];
        var (exitCode, output, error) = await HostTool.RunAsync(_nft, list, "", _ => true, _time, stop).ConfigureAwait(false);
        if (exitCode != 0 && !error.Contains("No such file or directory", StringComparison.Ordinal)) throw Failure(exitCode, error);
        NftReading reading = exitCode == 0 ? NftReading.Parse(output) : NftReading.Empty;
        return new FirewallFinding(NftPlanner.Plan(reading, rules), rules.Forward ? await ObstacleAsync(rules, stop).ConfigureAwait(false) : null);
    }

    /// <inheritdoc/>
    public async Task ApplyAsync(RulePlan plan, CancellationToken stop)
    {
        var (exitCode, _, error) = await HostTool.RunAsync(_nft, ["-f", "-"], plan.Script, _ => false, _time, stop).ConfigureAwait(false);
        if (exitCode != 0) throw Failure(exitCode, error);
    }

    private async Task<string?> ObstacleAsync(OverlayRules rules, CancellationToken stop)
    {
        if (_iptables is null) return null;
        if (_iptablesRead is not { } read || _time.GetElapsedTime(read) >= IptablesEvery)
        {
            _iptablesRead = _time.GetTimestamp();
            try
            {
                IptablesReading reading = await _iptables.ReadAsync(stop).ConfigureAwait(false);
                _obstacle = reading.Loss(rules) is var (table, packet, verdict)
                    ? $"iptables drops packets of the overlay from {packet.In} to {packet.Out}, in table {table} by: {verdict.By}; Docker makes it so, and no rule of nftables can accept what it drops: "
                      + "accept them there yourself (README, Docker's versions), or remove EnableNFTables from the network config"
                    : null;
            }
            catch (FirewallException)
            {
                // It is not the tool in use, and what it would have told is a hint only.
            }
        }
        return _obstacle;
    }

    private FirewallException Failure(int exitCode, string error) => new($"{_nft} ended with {exitCode}: {Text.Printable.Line(error)}", passes: false);
}
