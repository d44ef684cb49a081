using System.Runtime.InteropServices;
using Overlay.Encap.Linux.Abi;
using Overlay.Encap.Linux.Gate;
using Overlay.Encap.Linux.Netlink;

namespace Overlay.Encap.Linux.Tunneling;

/// <summary>Whether this network namespace has IPsec policies for what it sends: then nothing may leave past the IP layer, which applies them.</summary>
public static class IpsecPolicies
{
    private sealed record Count(uint Outbound);

    /// <summary>Asks the kernel. A kernel without IPsec has none.</summary>
    /// <exception cref="LinuxException">It does not say; CAP_NET_ADMIN is needed.</exception>
    public static bool Exist()
    {
        try
        {
            using NetlinkSocket socket = new(NetlinkAbi.NETLINK_XFRM);
            NetlinkWriter request = new(stackalloc byte[64], FilterAbi.XFRM_MSG_GETSPDINFO, 0);
            request.Append(0u);   // flags, of which there are none
            return socket.Get(request.Message, "count the IPsec policies", FilterAbi.XFRM_MSG_NEWSPDINFO, Read) is { Outbound: > 0 };
        }
        catch (LinuxException e) when (e.Errno == Errno.EPROTONOSUPPORT)
        {
            return false;
        }
    }

    private static Count? Read(ReadOnlySpan<byte> body)
    {
        if (!NetlinkReader.TrySplit(body, out uint _, out AttributeReader attributes)) return null;
        while (attributes.TryNext(out ushort type, out ReadOnlySpan<byte> value))
            if (type == FilterAbi.XFRMA_SPD_INFO && MemoryMarshal.TryRead(value, out xfrmu_spdinfo info)) return new Count(info.outcnt);
        return null;
    }
}
