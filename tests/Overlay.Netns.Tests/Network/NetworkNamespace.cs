using System.ComponentModel;
using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Overlay.Netns.Tests.Support;
using static Tmds.Linux.LibC;

namespace Overlay.Netns.Tests.Network;

/// <summary>
/// A network namespace under a name, so that <c>ip netns exec NAME</c> finds it. A socket or process made in here stays in here:
/// it can be used from any thread of the test.
/// </summary>
/// <remarks>Disposing ends what was started in here and deletes the name.</remarks>
internal sealed class NetworkNamespace : IDisposable
{
    private readonly List<Process> _started = [];

    private NetworkNamespace(string name) => Name = name;

    /// <summary>The name, as <c>ip netns</c> shows it.</summary>
    public string Name { get; }

    /// <summary>Where the kernel shows it.</summary>
    public string FilePath => $"/run/netns/{Name}";

    /// <summary>Makes a namespace with its loopback up.</summary>
    public static NetworkNamespace Create(string name)
    {
        Tool.Must("ip", ["netns", "add", name]);
        NetworkNamespace created = new(name);
        created.Ip("link set lo up");
        return created;
    }

    /// <summary>Runs <paramref name="body"/> on a thread of its own that is moved here first, and waits for it.</summary>
    public T Enter<T>(Func<T> body)
    {
        T result = default!;
        ExceptionDispatchInfo? failure = null;
        Thread thread = new(() =>
        {
            try
            {
                using (SafeFileHandle file = File.OpenHandle(FilePath))   // no FileStream: it seeks
                {
                    if (setns((int)file.DangerousGetHandle(), CLONE_NEWNET) != 0) throw new Win32Exception(Marshal.GetLastPInvokeError());
                }
                result = body();
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        })
        { Name = Name, IsBackground = true };
        thread.Start();
        thread.Join();
        failure?.Throw();
        return result;
    }

    /// <summary>An IPv4 socket of this namespace.</summary>
    public Socket Socket(SocketType type, ProtocolType protocol) => Enter(() => new Socket(AddressFamily.InterNetwork, type, protocol));

    /// <summary>Starts a process here; it is ended at the latest when the namespace goes.</summary>
    public Process Start(ProcessStartInfo start)
    {
        Process process = Enter(() => Process.Start(start)!);
        _started.Add(process);
        return process;
    }

    /// <summary>Runs a tool here.</summary>
    public (int ExitCode, string Output) Run(string tool, params string[] arguments) => Enter(() => Tool.Run(tool, arguments));

    /// <summary>Runs a tool here that has to succeed.</summary>
    public string Must(string tool, params string[] arguments) => Enter(() => Tool.Must(tool, arguments));

    /// <summary>Runs commands of the ip tool here.</summary>
    public void Ip(params string[] commands) => Tool.Must("ip", ["-n", Name, "-batch", "-"], string.Join('\n', commands) + "\n");

    /// <summary>Sets a value below /proc/sys/net, of which each namespace has its own.</summary>
    public void SetSysctl(string path, string value) => Enter(() =>
    {
        File.WriteAllText($"/proc/sys/net/{path}", value);
        return true;
    });

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Process process in _started)
        {
            try
            {
                if (!process.HasExited) process.Kill();
                process.WaitForExit();
            }
            catch (InvalidOperationException)
            {
                // Its owner has disposed of it.
            }
            process.Dispose();
        }
        Tool.Must("ip", ["netns", "delete", Name]);
    }
}
