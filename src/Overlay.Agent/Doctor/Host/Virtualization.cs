using Overlay.Agent.Reading;

namespace Overlay.Agent.Doctor.Host;

/// <summary>What this host runs in, found by the signs that systemd-detect-virt goes by.</summary>
/// <param name="Name">As <c>kvm</c>, <c>lxc</c>, <c>openvz</c>; <c>none</c> for bare metal.</param>
/// <param name="IsContainer">It shares the kernel with its host.</param>
/// <param name="IsPartial">Only the file system is a container's (Docker with the host's network, a test): the kernel's say is what counts.</param>
internal sealed record Virtualization(string Name, bool IsContainer, bool IsPartial = false)
{
    private static readonly (string Sign, string Name)[] Vendors =
    [
        ("KVM", "kvm"), ("QEMU", "qemu"), ("VMware", "vmware"), ("innotek GmbH", "virtualbox"), ("Xen", "xen"), ("Microsoft Corporation", "hyper-v"),
        ("Amazon EC2", "amazon"), ("Google", "google"), ("Bochs", "bochs"), ("DigitalOcean", "kvm"), ("Hetzner", "kvm"), ("OpenStack", "kvm"),
    ];

    /// <summary>Looks.</summary>
    public static Virtualization Detect(HostFiles files)
    {
        // OpenVZ shows /proc/vz in host and guest, /proc/bc in the host only.
        if (files.Exists("/proc/vz") && !files.Exists("/proc/bc")) return new Virtualization("openvz", true);
        if (files.Exists("/proc/user_beancounters") && !files.Exists("/proc/bc")) return new Virtualization("openvz", true);
        string? container = (files.Text("/proc/1/environ") ?? "").Split('\0').FirstOrDefault(v => v.StartsWith("container=", StringComparison.Ordinal))?["container=".Length..]
            ?? files.Value("/run/systemd/container");
        if (container is { Length: > 0 }) return new Virtualization(container, true);
        if (files.Exists("/.dockerenv")) return new Virtualization("docker", true, IsPartial: true);

        foreach (string path in new[] { "product_name", "sys_vendor", "board_vendor", "bios_vendor" })
        {
            string value = files.Value($"/sys/class/dmi/id/{path}") ?? "";
            (string sign, string name) = Vendors.FirstOrDefault(v => value.Contains(v.Sign, StringComparison.Ordinal));
            if (sign is not null) return new Virtualization(name, false);
        }
        bool isGuest = files.Lines("/proc/cpuinfo").Any(line => line.StartsWith("flags", StringComparison.Ordinal) && line.Split(' ').Contains("hypervisor"));
        return new Virtualization(isGuest ? files.Value("/sys/hypervisor/type") ?? "virtual machine" : "none", false);
    }
}
