using System.Runtime.InteropServices;

#pragma warning disable CS8981 // the C spelling is what man pages are searched for

namespace Overlay.Encap.Linux.Abi;

/// <summary>The part of linux/ethtool.h, linux/sockios.h and sys/timex.h that only looks. Tested against the C compiler.</summary>
internal static class InspectionAbi
{
    public const uint SIOCETHTOOL = 0x8946;

    // Commands of SIOCETHTOOL, the first member of each structure.
    public const uint ETHTOOL_GSTRINGS = 0x1b;
    public const uint ETHTOOL_GSSET_INFO = 0x37;
    public const uint ETHTOOL_GFEATURES = 0x3a;

    /// <summary>The string set that names the features.</summary>
    public const uint ETH_SS_FEATURES = 4;

    /// <summary>Bytes of one name, padded with zeros.</summary>
    public const int ETH_GSTRING_LEN = 32;

    /// <summary>timex.status: nobody keeps the clock in step.</summary>
    public const int STA_UNSYNC = 0x40;
}

/// <summary>32 features in struct ethtool_gfeatures.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ethtool_get_features_block
{
    public uint available;
    public uint requested;
    public uint active;
    public uint never_changed;
}

/// <summary>struct timex on 64-bit Linux, with the members that are read here. The kernel writes all 208 bytes.</summary>
[StructLayout(LayoutKind.Explicit, Size = 208)]
internal struct timex
{
    /// <summary>What to change: 0 for nothing.</summary>
    [FieldOffset(0)] public uint modes;

    /// <summary>Largest error in microseconds.</summary>
    [FieldOffset(24)] public nint maxerror;

    /// <summary>STA_* of <see cref="InspectionAbi"/>.</summary>
    [FieldOffset(40)] public int status;
}
