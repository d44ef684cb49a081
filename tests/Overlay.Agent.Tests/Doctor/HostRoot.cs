using Overlay.Agent.Reading;
using Overlay.Agent.Tests.Support;

namespace Overlay.Agent.Tests.Doctor;

/// <summary>A made-up /proc, /sys and /etc below a folder of the test.</summary>
internal sealed class HostRoot : IDisposable
{
    private readonly TempFolder _folder = new();

    public HostRoot(params (string Path, string Text)[] files)
    {
        foreach ((string path, string text) in files)
        {
            string real = System.IO.Path.Join(_folder.Path, path);
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(real)!);
            File.WriteAllText(real, text);
        }
        Files = new HostFiles(_folder.Path);
    }

    public HostFiles Files { get; }

    public void Dispose() => _folder.Dispose();
}
