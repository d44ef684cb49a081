using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Overlay.Agent.Cli;

/// <summary>The answer to <c>--version</c>.</summary>
internal static class VersionText
{
    /// <summary>The version of this build, with the commit where the build knew it.</summary>
    public static string Number { get; } =
        typeof(VersionText).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    /// <summary>One line: version, runtime, how it was compiled, machine.</summary>
    public static string Create()
    {
        string compiled = RuntimeFeature.IsDynamicCodeSupported ? "JIT" : "NativeAOT";
        return $"overlay-agent {Number} ({RuntimeInformation.FrameworkDescription}, {compiled}, {RuntimeInformation.RuntimeIdentifier})\n";
    }
}
