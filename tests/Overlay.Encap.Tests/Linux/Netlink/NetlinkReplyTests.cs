using System.Net;
using System.Runtime.InteropServices;
using Overlay.Encap.Linux.Abi;
using Overlay.Encap.Linux.Gate;
using Overlay.Encap.Linux.Netlink;
using Overlay.Encap.Wire;

namespace Overlay.Encap.Tests.Linux.Netlink;

/// <summary>The codec on recorded datagrams, whole, cut short and spoilt.</summary>
public sealed class NetlinkReplyTests
{
    public static TheoryData<byte[]> All =>
    [
        Recordings.VxlanLink, Recordings.TunLink, Recordings.Addresses, Recordings.AddressesDone, Recordings.Routes, Recordings.RouteGet,
        Recordings.Ack, Recordings.ErrorWithRequest, Recordings.DoneWithError,
    ];

    [Fact]
    public void Link_of_a_kernel_vxlan_device()
    {
        Assert.True(MacAddress.TryParse("0e:11:22:33:44:55", out MacAddress mac));
        Assert.Equal([new LinkInfo(2, "flannel.1", "vxlan", 65486, false, mac, 1, 8472)], Links().Fold(Recordings.VxlanLink).Values.Select(WithoutLimits));
    }

    [Fact]
    public void Link_of_a_tun() =>
        Assert.Equal([new LinkInfo(3, "ovl0", "tun", 1500, true, null, null, null)], Links().Fold(Recordings.TunLink).Values.Select(WithoutLimits));

    [Fact]
    public void Link_of_a_tun_has_its_limits()
    {
        LinkInfo link = Assert.Single(Links().Fold(Recordings.TunLink).Values);
        Assert.Equal((500, 65536), (link.TxQueueLength, link.GsoMaxSize));
    }

    private static LinkInfo WithoutLimits(LinkInfo link) => link with { TxQueueLength = 0, GsoMaxSize = 0 };

    [Fact]
    public void Addresses_of_both_families_and_their_end_in_a_second_datagram()
    {
        NetlinkReply<AddressInfo> reply = new(Recordings.Sequence, NetlinkAbi.RTM_NEWADDR, AddressInfo.Read);
        Assert.False(reply.Add(Recordings.Addresses));
        Assert.True(reply.Add(Recordings.AddressesDone));
        Assert.Equal(Errno.None, reply.Error);
        Assert.Equal(new AddressInfo(3, IPAddress.Parse("10.5.3.0"), 32, 0, 0x80), reply.Values[0]);
        Assert.Contains(reply.Values, address => address.Address.Equals(IPAddress.Parse("fd00::1")) && address.PrefixLength == 64);
    }

    [Fact]
    public void Routes_are_those_of_the_main_table() => Assert.Equal(
        [
            new RouteInfo(IPNetwork.Parse("0.0.0.0/0"), 3, IPAddress.Parse("10.5.9.9"), null, 100),
            new RouteInfo(IPNetwork.Parse("10.5.0.0/16"), 3, null, IPAddress.Parse("10.5.3.0"), 0),
            new RouteInfo(IPNetwork.Parse("10.9.0.0/24"), 0, null, null, 0),
        ],
        new NetlinkReply<RouteInfo>(Recordings.Sequence, NetlinkAbi.RTM_NEWROUTE, RouteInfo.ReadMain).Fold(Recordings.Routes).Values
            .Where(route => route.IsUnicast).Select(route => route with { Protocol = 0 }));

    [Fact]
    public void Answer_and_acknowledgement_of_one_look_up()
    {
        NetlinkReply<RouteInfo> reply = new(Recordings.Sequence, NetlinkAbi.RTM_NEWROUTE, RouteInfo.Read);
        Assert.False(reply.Add(Recordings.RouteGet));
        Assert.True(reply.Add(Recordings.Ack));
        RouteInfo expected = new(IPNetwork.Parse("10.5.7.7/32"), 3, null, IPAddress.Parse("10.5.3.0"), 0);
        Assert.Equal((Errno.None, expected), (reply.Error, Assert.Single(reply.Values)));
    }

    [Fact]
    public void Error_has_the_words_of_the_kernel()
    {
        NetlinkReply<LinkInfo> reply = Links().Fold(Recordings.ErrorWithRequest);
        Assert.Equal((true, Errno.EINVAL, "Invalid prefix for given prefix length"), (reply.IsComplete, reply.Error, reply.KernelMessage));
    }

    [Fact]
    public void Capped_error_has_the_words_behind_the_header_alone()
    {
        // As NETLINK_CAP_ACK has it: the request's header and no more of it.
        byte[] attribute = [10, 0, 1, 0, .. "words\0"u8];
        byte[] message =
        [
            .. Message(NetlinkAbi.NLMSG_ERROR, NetlinkAbi.NLM_F_CAPPED | NetlinkAbi.NLM_F_ACK_TLVS, 20 + attribute.Length),
            .. BitConverter.GetBytes(-(int)Errno.EBUSY), .. Message(NetlinkAbi.RTM_SETLINK, 0, 1000), .. attribute,
        ];
        NetlinkReply<LinkInfo> reply = Links().Fold(message);
        Assert.Equal((Errno.EBUSY, "words"), (reply.Error, reply.KernelMessage));
    }

    [Fact]
    public void Dump_that_the_kernel_refuses_ends_with_its_error()
    {
        NetlinkReply<LinkInfo> reply = Links().Fold(Recordings.DoneWithError);
        Assert.Equal((true, Errno.EINVAL), (reply.IsComplete, reply.Error));
        Assert.Equal("ipv4: Invalid values in header for address dump request", reply.KernelMessage);
    }

    [Fact]
    public void K9_interrupted_dump_is_seen_on_any_message()
    {
        byte[] first = [.. Recordings.VxlanLink];
        MemoryMarshal.AsRef<nlmsghdr>(first.AsSpan()).nlmsg_flags |= NetlinkAbi.NLM_F_DUMP_INTR;
        NetlinkReply<LinkInfo> reply = Links();
        Assert.False(reply.Add(first));
        Assert.True(reply.Add(Recordings.AddressesDone));
        Assert.True(reply.IsInterrupted);

        byte[] done = [.. Recordings.AddressesDone];
        MemoryMarshal.AsRef<nlmsghdr>(done.AsSpan()).nlmsg_flags |= NetlinkAbi.NLM_F_DUMP_INTR;
        Assert.True(Links().Fold(done).IsInterrupted);
        Assert.False(Links().Fold(Recordings.AddressesDone).IsInterrupted);
    }

    [Fact]
    public void Messages_of_another_request_are_skipped()
    {
        NetlinkReply<LinkInfo> reply = new(Recordings.Sequence + 1, NetlinkAbi.RTM_NEWLINK, LinkInfo.Read);
        Assert.False(reply.Add(Recordings.VxlanLink));
        Assert.False(reply.Add(Recordings.AddressesDone));
        Assert.False(reply.Add(Recordings.ErrorWithRequest));
        Assert.Empty(reply.Values);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Cut_at_any_byte_it_is_refused_or_read_up_to_there(byte[] datagram)
    {
        for (int length = 0; length < datagram.Length; length++)
        {
            byte[] cut = datagram[..length];
            Exception? failure = Record.Exception(() => FoldAsEverything(cut));
            Assert.True(failure is null or InvalidDataException, $"{failure} at {length}");
            bool isWhole = Ends(datagram).Any(end => length >= end && length <= NetlinkReader.Align(end)) || length == 0;
            Assert.Equal(isWhole, failure is null);
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Any_byte_spoilt_it_is_refused_or_read_but_never_overruns(byte[] datagram)
    {
        foreach (byte value in (byte[])[0, 1, 3, 0x7f, 0x80, 0xff])
        {
            for (int at = 0; at < datagram.Length; at++)
            {
                byte[] spoilt = [.. datagram];
                spoilt[at] = value;
                Exception? failure = Record.Exception(() => FoldAsEverything(spoilt));
                Assert.True(failure is null or InvalidDataException, $"{failure} at {at}");
            }
        }
    }

    [Fact]
    public void Attributes_stop_at_the_first_that_does_not_fit()
    {
        AttributeReader reader = new([5, 0, 1, 0x80, 42, 0, 0, 0, 9, 0, 2, 0, 1, 2, 3, 4]);
        Assert.True(reader.TryNext(out ushort type, out ReadOnlySpan<byte> value));
        Assert.Equal((1, 1, 42), (type, value.Length, value[0]));
        Assert.False(reader.TryNext(out _, out _));
        AttributeReader tooShort = new([3, 0, 1, 0]);
        Assert.False(tooShort.TryNext(out _, out _));
    }

    [Fact]
    public void Writer_lays_out_what_the_reader_reads()
    {
        NetlinkWriter writer = new(stackalloc byte[64], NetlinkAbi.RTM_SETLINK, NetlinkAbi.NLM_F_CREATE);
        writer.Append(new ifinfomsg { ifi_index = 5 });
        writer.Attribute(NetlinkAbi.IFLA_IFNAME, "ab");
        writer.Attribute(NetlinkAbi.IFLA_MTU, 1450u);
        NetlinkReader reader = new(writer.Message);
        Assert.True(reader.TryNext(out nlmsghdr header, out ReadOnlySpan<byte> body));
        Assert.Equal((48u, NetlinkAbi.RTM_SETLINK), (header.nlmsg_len, header.nlmsg_type));
        Assert.Equal(NetlinkAbi.NLM_F_REQUEST | NetlinkAbi.NLM_F_ACK | NetlinkAbi.NLM_F_CREATE, header.nlmsg_flags);
        Assert.False(reader.TryNext(out _, out _));
        Assert.False(reader.IsMalformed);
        Assert.Equal(new LinkInfo(5, "ab", null, 1450, false, null, null, null), LinkInfo.Read(body));
    }

    private static NetlinkReply<LinkInfo> Links() => new(Recordings.Sequence, NetlinkAbi.RTM_NEWLINK, LinkInfo.Read);

    private static void FoldAsEverything(byte[] datagram)
    {
        new NetlinkReply<LinkInfo>(Recordings.Sequence, NetlinkAbi.RTM_NEWLINK, LinkInfo.Read).Add(datagram);
        new NetlinkReply<AddressInfo>(Recordings.Sequence, NetlinkAbi.RTM_NEWADDR, AddressInfo.Read).Add(datagram);
        new NetlinkReply<RouteInfo>(Recordings.Sequence, NetlinkAbi.RTM_NEWROUTE, RouteInfo.ReadMain).Add(datagram);
        new NetlinkReply<RouteInfo>(Recordings.Sequence, NetlinkAbi.RTM_NEWROUTE, RouteInfo.Read).Add(datagram);
    }

    // Where each message of a datagram ends, without its padding.
    private static List<int> Ends(ReadOnlySpan<byte> datagram)
    {
        List<int> ends = [];
        for (int at = 0; at < datagram.Length; at = NetlinkReader.Align(ends[^1])) ends.Add(at + (int)BitConverter.ToUInt32(datagram[at..]));
        return ends;
    }

    private static byte[] Message(ushort type, int flags, int bodyLength)
    {
        byte[] header = new byte[16];
        MemoryMarshal.Write(header, new nlmsghdr
        {
            nlmsg_len = (uint)(16 + bodyLength),
            nlmsg_type = type,
            nlmsg_flags = (ushort)flags,
            nlmsg_seq = Recordings.Sequence,
        });
        return header;
    }
}

internal static class NetlinkReplyExtensions
{
    public static NetlinkReply<T> Fold<T>(this NetlinkReply<T> reply, byte[] datagram) where T : class
    {
        reply.Add(datagram);
        return reply;
    }
}
