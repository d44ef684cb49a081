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
}
