using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Overlay.Encap.Linux.Abi;
using Overlay.Encap.Linux.Gate;
using static Tmds.Linux.LibC;

namespace Overlay.Encap.Linux.Inspection;

/// <summary>What a network card does for the kernel, by the names that <c>ethtool -k</c> has from there too. Needs no privilege, changes nothing.</summary>
public static unsafe class LinkFeatures
{
    private const int MaxFeatures = 1024;   // a kernel of today has 64

    /// <summary>The features that are on.</summary>
    /// <param name="link">Interface name, 1 to 15 bytes.</param>
    /// <exception cref="LinuxException">There is no such interface, or the kernel does not say.</exception>
    public static IReadOnlySet<string> ReadActive(string link)
    {
        if (Encoding.UTF8.GetByteCount(link) is 0 or >= TunAbi.IFNAMSIZ) throw new LinuxException($"read the features of {link}", Errno.ENODEV);
        LinuxException.Check(Syscall.Socket(AF_INET, SOCK_DGRAM, 0, out FileDescriptor? socket), "create a UDP socket");
        using (socket)
        {
            // struct ethtool_sset_info: command, reserved, 64-bit mask of sets, then one count for each set found.
            byte[] info = new byte[20];
            info[8] = 1 << (int)InspectionAbi.ETH_SS_FEATURES;
            Ask(socket!, link, InspectionAbi.ETHTOOL_GSSET_INFO, info);
            int count = (int)Math.Min(BitConverter.ToUInt32(info, 16), MaxFeatures);

            // struct ethtool_gstrings: command, set, count, names.
            byte[] names = new byte[12 + count * InspectionAbi.ETH_GSTRING_LEN];
            BitConverter.TryWriteBytes(names.AsSpan(4), InspectionAbi.ETH_SS_FEATURES);
            BitConverter.TryWriteBytes(names.AsSpan(8), count);
            Ask(socket!, link, InspectionAbi.ETHTOOL_GSTRINGS, names);

            // struct ethtool_gfeatures: command, number of blocks, blocks.
            int blocks = (count + 31) / 32;
            byte[] features = new byte[8 + blocks * Unsafe.SizeOf<ethtool_get_features_block>()];
            BitConverter.TryWriteBytes(features.AsSpan(4), blocks);
            Ask(socket!, link, InspectionAbi.ETHTOOL_GFEATURES, features);
            return Active(names.AsSpan(12), MemoryMarshal.Cast<byte, ethtool_get_features_block>(features.AsSpan(8)), count);
        }
    }

    private static HashSet<string> Active(ReadOnlySpan<byte> names, ReadOnlySpan<ethtool_get_features_block> blocks, int count)
    {
        HashSet<string> active = new(StringComparer.Ordinal);
        for (int i = 0; i < count; i++)
        {
            if ((blocks[i / 32].active & (1u << (i % 32))) == 0) continue;
            ReadOnlySpan<byte> name = names.Slice(i * InspectionAbi.ETH_GSTRING_LEN, InspectionAbi.ETH_GSTRING_LEN);
            int end = name.IndexOf((byte)0);
            if (end != 0) active.Add(Encoding.ASCII.GetString(end < 0 ? name : name[..end]));
        }
        return active;
    }

    private static void Ask(FileDescriptor socket, string link, uint command, byte[] structure)
    {
        BitConverter.TryWriteBytes(structure, command);
        ifreq request = default;
        Encoding.UTF8.GetBytes(link, new Span<byte>(request.ifr_name, TunAbi.IFNAMSIZ - 1));
        fixed (byte* data = structure)
        {
            *(void**)&request.ifr_flags = data;   // ifr_data, of the same union
            LinuxException.Check(Syscall.Ioctl(socket, InspectionAbi.SIOCETHTOOL, ref request), $"read the features of {link}");
        }
    }
}
