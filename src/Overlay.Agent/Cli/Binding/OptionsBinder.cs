using System.Net;
using System.Text;
using Microsoft.Extensions.Logging;
using Overlay.Agent.Cli.Grammar;
using Overlay.Agent.Configuration;
using Overlay.Agent.Hooks;
using Overlay.Agent.Text;
using static Overlay.Agent.Cli.AgentFlags;

namespace Overlay.Agent.Cli.Binding;

/// <summary>
/// From given values to <see cref="AgentOptions"/>, with every check that needs no look at the machine. Collects all mistakes instead
/// of stopping at the first, so that an operator mends his command line once.
/// </summary>
internal static class OptionsBinder
{
    /// <summary>Binds all options.</summary>
    /// <returns>The options, or null when <paramref name="errors"/> holds any mistake, an earlier one included.</returns>
    public static AgentOptions? Bind(FlagValues values, List<string> errors, List<string> warnings)
    {
        var reader = new ValueReader(values, errors);
        var options = new AgentOptions
        {
            Etcd = EtcdBinder.Bind(reader),
            Underlay = UnderlayBinder.Bind(reader, errors),
            DataPath = DataPath(reader),
            Firewall = Firewall(reader),
            SubnetFile = reader.AbsolutePath(SubnetFile),
            OnSubnetChange = Hook(reader),
            DockerOptionsFile = reader.IsSet(DockerOptsFile) ? reader.AbsolutePath(DockerOptsFile) : null,
            StateDirectory = reader.AbsolutePath(StateDir),
            LeaseTtl = TimeSpan.FromSeconds(reader.Number(LeaseTtl, 5, 2592000)),
            RenewMargin = TimeSpan.FromMinutes(reader.Number(RenewMargin, 1, 1439)),
            Health = Health(reader),
            LogFormat = reader.Choice(AgentFlags.LogFormat, ("text", Telemetry.LogFormat.Text), ("json", Telemetry.LogFormat.Json), ("systemd", Telemetry.LogFormat.Systemd)),
            LogLevel = reader.Number(Verbosity, 0, int.MaxValue) switch
            {
                0 => LogLevel.Information,
                < 5 => LogLevel.Debug,
                _ => LogLevel.Trace,
            },
        };

        if (options.RenewMargin >= options.LeaseTtl)
        {
            if (values.IsGiven(RenewMargin)) reader.Fail(RenewMargin, $"{options.RenewMargin.TotalMinutes} minutes are not less than the {options.LeaseTtl.TotalSeconds} s of {LeaseTtl}");
            options = options with { RenewMargin = options.LeaseTtl / 2 };
        }
        if (reader.IsTrue(KubeSubnetMgr)) reader.Fail(KubeSubnetMgr, "this agent leases subnets from etcd; leases from the Kubernetes API are not supported");
        _ = reader.Address(PublicIpV6, System.Net.Sockets.AddressFamily.InterNetworkV6);

        warnings.AddRange(values.Given.Where(f => f.IsIgnored).Select(f => $"{values.Last(f).Origin} has no effect in this agent").Order(StringComparer.Ordinal));
        warnings.AddRange(Unfinished(options.Firewall));
        return errors.Count == 0 ? options : null;
    }

    // What is promised by a flag and not done yet must be said, defaults included, or the operator finds out from dropped packets.
    private static IEnumerable<string> Unfinished(FirewallSettings firewall)
    {
        if (!firewall.FullyRandom && !firewall.Masquerade) yield return $"{IpMasqFullyRandomDisable}: has no effect without {IpMasq}";
    }

    private static DataPathSettings DataPath(ValueReader reader)
    {
        DataPathSettings settings = Switches(reader);
        int workers = reader.Number(Workers, 0, 64);
        return workers == 0 ? settings : settings with { Workers = workers };
    }

    private static DataPathSettings Switches(ValueReader reader) => new()
    {
        Device = DeviceName(reader),
        SourceCheck = reader.Choice(AgentFlags.SourceCheck, ("strict", Encap.Forwarding.SourceCheck.Strict), ("antispoof", Encap.Forwarding.SourceCheck.AntiSpoof), ("off", Encap.Forwarding.SourceCheck.Off)),
        Gso = Offload(reader, OffloadGso),
        TunnelGso = Offload(reader, OffloadTunnelGso),
        Gro = Offload(reader, OffloadGro),
        Tso = Offload(reader, OffloadTso),
        Spin = TimeSpan.FromMicroseconds(reader.Number(Spin, 0, 1000)),
    };

    private static OffloadMode Offload(ValueReader reader, Flag flag) =>
        reader.Choice(flag, ("auto", OffloadMode.Auto), ("on", OffloadMode.On), ("off", OffloadMode.Off));

    // The kernel's dev_valid_name, and no '%', which TUNSETIFF would take as a pattern.
    private static string? DeviceName(ValueReader reader)
    {
        if (reader.Text(Device) is not { } name) return null;
        bool bad = name.Length > 15 || !Ascii.IsValid(name) || name is "." or ".." || name.Any(c => c is '/' or ':' or '%' || char.IsWhiteSpace(c));
        if (bad) reader.Fail(Device, $"{Printable.Quote(name)} is not an interface name (1 to 15 ASCII characters, no blanks, '/', ':' or '%')");
        return name;
    }

    private static HookCommand? Hook(ValueReader reader)
    {
        if (reader.Text(OnSubnetChange) is not { } text) return null;
        HookCommand? command = HookCommand.Parse(text);
        if (command is null) reader.Fail(OnSubnetChange, $"{Printable.Quote(text)} does not begin with the absolute path of a program");
        return command;
    }

    private static FirewallSettings Firewall(ValueReader reader) => new()
    {
        Masquerade = reader.IsTrue(IpMasq),
        FullyRandom = !reader.IsTrue(IpMasqFullyRandomDisable),
        ForwardRules = reader.IsTrue(IptablesForwardRules),
        Resync = TimeSpan.FromSeconds(reader.Number(IptablesResync, 1, 86400)),
        BlackholeRoute = reader.IsTrue(IpBlackholeRoute),
    };

    private static IPEndPoint? Health(ValueReader reader)
    {
        IPAddress? address = reader.Address(HealthzIp, family: null);
        int port = reader.Number(HealthzPort, 0, 65535);
        return port == 0 ? null : new IPEndPoint(address ?? IPAddress.Any, port);
    }
}
