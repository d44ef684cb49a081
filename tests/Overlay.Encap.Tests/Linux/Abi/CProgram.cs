using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Overlay.Encap.Tests.Linux.Abi;

/// <summary>Evaluates C expressions with the installed compiler and kernel headers, all in one program.</summary>
internal static partial class CProgram
{
    private static readonly string[] Headers =
    [
        "stdio.h", "stddef.h", "errno.h", "fcntl.h", "sys/stat.h", "sys/ioctl.h", "sys/socket.h", "sys/uio.h", "netinet/in.h", "netinet/udp.h", "linux/if.h",
        "linux/if_tun.h", "linux/netlink.h", "linux/rtnetlink.h", "linux/if_link.h", "linux/if_addr.h", "linux/ethtool.h", "linux/sockios.h", "sys/timex.h",
        "linux/netfilter.h", "linux/netfilter/nfnetlink.h", "linux/netfilter/nf_tables.h", "linux/xfrm.h",
    ];

    /// <summary>
    /// The value of each expression, as 64 bits; names that the headers do not declare are absent from the result. Null where there is no
    /// C compiler.
    /// </summary>
    public static Dictionary<string, long>? Evaluate(IReadOnlyCollection<string> expressions)
    {
        string directory = Directory.CreateTempSubdirectory("overlay-abi-").FullName;
        try
        {
            HashSet<string> left = [.. expressions];
            while (true)
            {
                string source = Path.Combine(directory, "abi.c");
                string program = Path.Combine(directory, "abi");
                File.WriteAllText(source, Source(left));
                if (Run("cc", ["-w", "-o", program, source]) is not (int exitCode, _, string errors)) return null;
                if (exitCode == 0) return Parse(Run(program, [])!.Value.Output);

                HashSet<string> undeclared = [.. Undeclared().Matches(errors).Select(match => match.Groups["name"].Value)];
                if (left.RemoveWhere(undeclared.Contains) == 0) throw new InvalidOperationException(errors);
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static string Source(IEnumerable<string> expressions) => $$"""
        #define _GNU_SOURCE
        {{string.Join('\n', Headers.Select(header => $"#include <{header}>"))}}
        #define QUOTED(text, x) printf("%s=%lld\n", text, (long long)(x));
        int main(void)
        {
        {{string.Join('\n', expressions.Select(expression => $"QUOTED(\"{expression}\", {expression})"))}}
            return 0;
        }
        """;

    private static Dictionary<string, long> Parse(string output) => output
        .Split('\n', StringSplitOptions.RemoveEmptyEntries)
        .Select(line => (Line: line, At: line.LastIndexOf('=')))
        .ToDictionary(item => item.Line[..item.At], item => long.Parse(item.Line[(item.At + 1)..], CultureInfo.InvariantCulture));

    private static (int ExitCode, string Output, string Errors)? Run(string file, string[] arguments)
    {
        ProcessStartInfo start = new(file, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["LC_ALL"] = "C";
        try
        {
            using Process process = Process.Start(start)!;
            Task<string> errors = process.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, output, errors.GetAwaiter().GetResult());
        }
        catch (System.ComponentModel.Win32Exception) { return null; }
    }

    // clang and gcc, in this order. What gcc proposes instead of the name is not taken.
    [GeneratedRegex("undeclared identifier '(?<name>\\w+)'|'(?<name>\\w+)' undeclared")]
    private static partial Regex Undeclared();
}
