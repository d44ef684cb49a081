using System.Runtime.InteropServices;

#pragma warning disable CS8981 // the C spelling is what man pages are searched for

namespace Overlay.Encap.Linux.Abi;

/// <summary>What linux/stat.h and fcntl.h declare of statx(2) and Tmds.LibC does not. Tested against the C compiler.</summary>
internal static class FileAbi
{
    public const int AT_FDCWD = -100;
    public const int AT_SYMLINK_NOFOLLOW = 0x100;

    // Mask of statx(2).
    public const uint STATX_TYPE = 0x1;
    public const uint STATX_SIZE = 0x200;

    // statx.stx_mode: the type in its upper bits.
    public const ushort S_IFMT = 0xF000;
    public const ushort S_IFIFO = 0x1000;
    public const ushort S_IFDIR = 0x4000;
    public const ushort S_IFREG = 0x8000;
    public const ushort S_IFLNK = 0xA000;
}

/// <summary>
/// struct statx, with the members of it that are read here. Its layout is one for every architecture, unlike that of struct stat.
/// The kernel writes all 256 bytes.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = 256)]
internal struct statx
{
    /// <summary>STATX_* of <see cref="FileAbi"/>: which members are filled in.</summary>
    [FieldOffset(0)] public uint stx_mask;

    /// <summary>Type (S_IFMT) and permissions.</summary>
    [FieldOffset(28)] public ushort stx_mode;

    /// <summary>Size in bytes.</summary>
    [FieldOffset(40)] public ulong stx_size;
}
