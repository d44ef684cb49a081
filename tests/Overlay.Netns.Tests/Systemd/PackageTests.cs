using Overlay.Netns.Tests.Nodes;
using Overlay.Netns.Tests.Support;

namespace Overlay.Netns.Tests.Systemd;

/// <summary>The package as a file.</summary>
[Collection<PackageCollection>]
public sealed class PackageTests(PackageFixture packages)
{
    [Fact]
    public void It_needs_only_libc_and_its_bytes_follow_from_the_sources()
    {
        NodeImage.Require();
        string fields = Tool.Must("dpkg-deb", ["--field", packages.Now]);
        Assert.Matches(@"(?m)^Depends: libc6 \(>= 2\.[0-9]+\)$", fields);
        Assert.DoesNotContain("Pre-Depends", fields, StringComparison.Ordinal);
        Assert.Equal("/etc/default/overlay-agent\n", Tool.Must("dpkg-deb", ["--info", packages.Now, "conffiles"]));
        Assert.DoesNotContain(".symtab", Tool.Must("sh", ["-c", "dpkg-deb --fsys-tarfile \"$1\" | tar -xO ./usr/bin/overlay-agent >\"$1.elf\" && readelf --sections --wide \"$1.elf\"", "sh", packages.Now]), StringComparison.Ordinal);
        Assert.Equal(File.ReadAllBytes(packages.Now), File.ReadAllBytes(packages.Build("1.0.0", "again")));
    }

    [Fact]
    public void Of_a_binary_that_does_not_run_here_it_is_made_for_the_machine_that_runs_it()
    {
        NodeImage.Require();
        string script = Path.Combine(AgentProcess.RepositoryRoot(), "deploy/package.sh"), folder = Directory.CreateTempSubdirectory("overlay-package-").FullName;
        try
        {
            byte[] elf = File.ReadAllBytes(AgentProcess.Binary);
            const int Machine = 18, Amd64 = 62, Arm64 = 183;
            bool isArm = elf[Machine] == Arm64;
            elf[Machine] = isArm ? (byte)Amd64 : (byte)Arm64;
            string other = Path.Combine(folder, "overlay-agent"), wanted = isArm ? "amd64" : "arm64";
            File.WriteAllBytes(other, elf);
            File.SetUnixFileMode(other, UnixFileMode.UserRead | UnixFileMode.UserExecute);

            Tool.Must("env", [$"OVERLAY_AGENT={other}", script, "--arch", wanted, "--output", folder]);
            Assert.Equal($"{wanted}\n", Tool.Must("dpkg-deb", ["--field", Directory.GetFiles(folder, "*.deb").Single(), "Architecture"]));
            (int exitCode, string output) = Tool.Run("env", [$"OVERLAY_AGENT={other}", script, "--arch", isArm ? "arm64" : "amd64", "--output", folder]);
            Assert.Equal(1, exitCode);
            Assert.Contains($"is for {wanted}", output, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
