using Overlay.Netns.Tests.Nodes;
using Overlay.Netns.Tests.Support;

namespace Overlay.Netns.Tests.Systemd;

/// <summary>The package of this tree, built once for all tests, and one of a later version.</summary>
public sealed class PackageFixture : IDisposable
{
    private const string Script = "deploy/package.sh";

    private readonly string _folder = Directory.CreateTempSubdirectory("overlay-package-").FullName;

    public PackageFixture()
    {
        if (!Environment.IsPrivilegedProcess || !Privilege.IsInstalled("dpkg-deb")) return;   // the tests are skipped
        Now = Build("1.0.0", "now");
        Later = Build("1.0.1", "later");
    }

    /// <summary>Path of the package.</summary>
    public string Now { get; } = "";

    /// <summary>Path of the same as the next version.</summary>
    public string Later { get; } = "";

    /// <summary>Builds a package of some version in a folder of its own.</summary>
    public string Build(string version, string name)
    {
        string output = Path.Combine(_folder, name);
        Tool.Must("env", [$"OVERLAY_AGENT={AgentProcess.Binary}", Path.Combine(AgentProcess.RepositoryRoot(), Script), "--version", version, "--output", output]);
        return Directory.GetFiles(output, "overlay-agent_*.deb").Single();
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}

/// <summary>The tests that share the packages.</summary>
[CollectionDefinition]
public sealed class PackageCollection : ICollectionFixture<PackageFixture>;
