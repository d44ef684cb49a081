using System.Diagnostics;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using static Tmds.Linux.LibC;

namespace Overlay.Encap.Tests.Linux;

/// <summary>
/// Runs a test body on a thread of its own in a network namespace of its own, which vanishes with the thread and all that was made in it.
/// Processes started by the body run in the namespace too. Skips the test where that is not permitted.
/// </summary>
internal static class PrivateNetwork
{
    public static void Run(Action body)
    {
        ExceptionDispatchInfo? failure = null;
        Thread thread = new(() =>
        {
            try
            {
                Assert.SkipUnless(geteuid() == 0, "a network namespace needs root");
                bool isPrivate = unshare(CLONE_NEWNET) == 0;
                Assert.SkipUnless(isPrivate, $"no network namespace: {Marshal.GetLastPInvokeErrorMessage()}");
                body();
            }
            catch (Exception exception) { failure = ExceptionDispatchInfo.Capture(exception); }
        })
        { Name = "private network", IsBackground = true };
        thread.Start();
        thread.Join();
        failure?.Throw();
    }

    /// <summary>Runs the ip tool in the namespace of the calling thread and returns what it prints.</summary>
    public static string Ip(string arguments)
    {
        ProcessStartInfo start = new("ip", arguments) { RedirectStandardOutput = true };
        try
        {
            using Process process = Process.Start(start)!;
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            Assert.True(process.ExitCode == 0, $"ip {arguments} ended with {process.ExitCode}");
            return output;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Skip("the ip tool is not installed");
            throw;
        }
    }
}
