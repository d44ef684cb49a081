using System.Text;
using Overlay.Agent.Cli.Verbs;
using Overlay.Agent.Text;

namespace Overlay.Agent.NetworkConfigs;

/// <summary><c>config check</c>: what agents would make of a network config, before any of them sees it.</summary>
internal static class ConfigCheck
{
    /// <summary>The size that agents refuse; one byte more is enough to have them say so.</summary>
    private const int MostRead = 64 * 1024 + 1;

    /// <summary>Checks.</summary>
    /// <param name="source">A file, or <c>-</c> for standard input.</param>
    /// <param name="json">Print JSON instead of text.</param>
    /// <param name="console">The streams.</param>
    /// <returns>0 when agents take it.</returns>
    public static int Run(string source, bool json, VerbConsole console)
    {
        if (!TryRead(source, console, out byte[] utf8)) return 1;
        ConfigInspection inspection = ConfigInspection.Of(utf8);
        if (json) console.Out.Write(ConfigPrinter.Json(inspection));
        else Report(inspection, console);
        return inspection.Config is null ? 1 : 0;
    }

    /// <summary>Prints the effective config on standard output, and the remarks on standard error.</summary>
    public static void Report(ConfigInspection inspection, VerbConsole console)
    {
        if (inspection.Config is { } config) console.Out.Write(ConfigPrinter.Text(config, inspection.Document));
        foreach (ConfigRemark mistake in inspection.Mistakes) console.Complain($"wrong: {mistake}");
        foreach (ConfigRemark warning in inspection.Warnings) console.Complain($"warning: {warning}");
    }

    /// <summary>Reads a file or standard input, and says where that fails.</summary>
    public static bool TryRead(string source, VerbConsole console, out byte[] utf8)
    {
        utf8 = [];
        try
        {
            if (source == "-")
            {
                char[] text = new char[MostRead];
                utf8 = Encoding.UTF8.GetBytes(text, 0, console.In.ReadBlock(text));
                return true;
            }
            using FileStream file = File.OpenRead(source);
            byte[] buffer = new byte[MostRead];
            utf8 = buffer[..file.ReadAtLeast(buffer, MostRead, throwOnEndOfStream: false)];
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            console.Complain($"{Printable.Quote(source)} cannot be read: {e.Message}");
            return false;
        }
    }
}
