using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using Overlay.Agent.Files;
using Overlay.Encap.Linux.Files;

namespace Overlay.Agent.State;

/// <summary>
/// Keeps a second agent away from one state folder, and so from one identity. An exclusive flock(2) on <c>agent.lock</c>, which the
/// kernel lets go of when the process ends in whatever way; the file stays and holds the owner's process id for the other's message.
/// </summary>
public sealed class InstanceLock : IDisposable
{
    /// <summary>The name of the lock in the state folder.</summary>
    public const string FileName = "agent.lock";

    private const UnixFileMode FileBits = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly FileStream _file;

    private InstanceLock(FileStream file) => _file = file;

    /// <summary>Takes the lock without waiting, and makes the state folder (0700) where that is missing.</summary>
    /// <param name="stateDirectory">Absolute path of the state folder.</param>
    /// <param name="held">The lock; dispose of it last.</param>
    /// <param name="problem">Why it could not be had, in words for the one line before exit 1.</param>
    public static bool TryAcquire(string stateDirectory, [NotNullWhen(true)] out InstanceLock? held, [NotNullWhen(false)] out string? problem)
    {
        held = null;
        string path = Path.Combine(stateDirectory, FileName);
        try
        {
            AtomicFile.EnsureFolder(stateDirectory, FileBits | UnixFileMode.UserExecute);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            problem = $"cannot make the state folder {stateDirectory} ({e.Message}); --state-dir names another";
            return false;
        }
        try
        {
            held = new InstanceLock(Open(path));
            problem = null;
            return true;
        }
        catch (IOException e) when (e.HResult == WouldBlock)
        {
            problem = $"another overlay-agent{Owner(path)} uses {stateDirectory}; a second one on this host needs its own --state-dir, --subnet-file, --etcd-prefix and VNI";
            return false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            problem = $"cannot lock {path}: {e.Message}";
            return false;
        }
    }

    /// <summary>The process that holds the lock; null where none does. Changes nothing.</summary>
    /// <param name="stateDirectory">Absolute path of the state folder.</param>
    public static int? HolderOf(string stateDirectory)
    {
        string path = Path.Combine(stateDirectory, FileName);
        try
        {
            using FileStream free = new(path, new FileStreamOptions { Mode = FileMode.Open, Access = FileAccess.Read, Share = FileShare.None, BufferSize = 0 });
            return null;
        }
        catch (IOException e) when (e.HResult == WouldBlock)
        {
            return ProcessIn(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Lets the lock go.</summary>
    public void Dispose() => _file.Dispose();

    // The lock is what counts: a disk that has become read-only or full keeps nobody from a restart (FAULTS J2), the message without the process
    // id is good enough then.
    private static FileStream Open(string path)
    {
        // On Unix, FileShare.None is flock(LOCK_EX | LOCK_NB).
        FileStreamOptions options = new() { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.None, BufferSize = 0, UnixCreateMode = FileBits };
        FileStream file;
        try
        {
            file = new FileStream(path, options);
        }
        catch (IOException e) when (e.HResult == ReadOnlyFileSystem)
        {
            return new FileStream(path, new FileStreamOptions { Mode = FileMode.Open, Access = FileAccess.Read, Share = FileShare.None, BufferSize = 0 });
        }
        try
        {
            file.SetLength(0);
            file.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId}\n")));
        }
        catch (IOException)
        {
            // It is held all the same.
        }
        return file;
    }

    /// <summary>EROFS.</summary>
    private const int ReadOnlyFileSystem = 30;

    /// <summary>EWOULDBLOCK, which .NET puts into HResult as it is.</summary>
    private const int WouldBlock = 11;

    private static string Owner(string path) => ProcessIn(path) is { } process ? $" (process {process})" : "";

    private static int? ProcessIn(string path) =>
        HostFile.TryReadRegular(path, 64, out byte[]? content, out _) && int.TryParse(Encoding.ASCII.GetString(content!).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out int process)
            ? process : null;
}
