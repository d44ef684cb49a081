using System.Net;
using System.Text;
using Overlay.Agent.Cli.Verbs;
using Overlay.Agent.Files;
using Overlay.Agent.Text;
using Overlay.Encap.Linux.Gate;
using Overlay.Encap.Linux.Netlink;

namespace Overlay.Agent.Docker;

/// <summary>
/// <c>mk-docker-opts</c>: flannel's script of that name as a verb, for units that call it. The file is replaced whole, where the script
/// leaves half of one to a reader that comes at the wrong moment; all else is as the script has it.
/// </summary>
/// <param name="SubnetFile">The file to read; where there is none only what the environment holds is written.</param>
/// <param name="OptionsFile">The file to write.</param>
/// <param name="Singly">Write each option's own variable.</param>
/// <param name="Combined">Write the combined variable.</param>
/// <param name="Key">Name of the combined variable.</param>
/// <param name="WithMasquerade">Give <c>--ip-masq</c>.</param>
/// <param name="Environment">Where options and values come from besides the file.</param>
internal sealed record MkDockerOpts(
    string SubnetFile, string OptionsFile, bool Singly, bool Combined, string Key, bool WithMasquerade, IReadOnlyDictionary<string, string> Environment)
{
    /// <summary>Writes the file.</summary>
    public int Run(VerbConsole console)
    {
        try
        {
            Dictionary<string, string> variables = new(Environment, StringComparer.Ordinal);
            if (File.Exists(SubnetFile))
            {
                foreach ((string name, string value) in DotEnv.Parse(Encoding.UTF8.GetString(File.ReadAllBytes(SubnetFile)))) variables[name] = value;
            }
            SortedDictionary<string, string> options = DockerOptions.From(variables, WithMasquerade);
            bool both = !Singly && !Combined;
            string content = DockerOptions.File(options, Singly || both, Combined || both ? Key : null, variables.GetValueOrDefault(Key, ""));
            if (!DockerOptionsFile.TryWrite(OptionsFile, content, out string? problem))
            {
                console.Complain($"{OptionsFile} cannot be written: {problem}");
                return 1;
            }
            return IsRoutedElsewhere(variables.GetValueOrDefault("FLANNEL_SUBNET"), console) ? 1 : 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            console.Complain(Printable.Line(e.Message));
            return 1;
        }
    }

    // Docker refuses such a subnet; the script says so after it has written the file.
    private static bool IsRoutedElsewhere(string? subnet, VerbConsole console)
    {
        if (subnet is null || !GoLiterals.TryNetwork(subnet, out IPNetwork network)) return false;
        try
        {
            using RouteNetlink netlink = new();
            RouteInfo? route = netlink.Routes().FirstOrDefault(r => r.Destination.Equals(network) && r.Gateway is not null);
            if (route is null) return false;
            console.Complain($"the routing table sends {network} via {route.Gateway} already, so Docker cannot have it; remove that route");
            return true;
        }
        catch (LinuxException e)
        {
            console.Complain($"the routing table was not checked: {e.Message}");
            return false;
        }
    }
}
