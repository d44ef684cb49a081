namespace Overlay.Encap.Counters;

/// <summary>Every way to lose a packet. Each lost packet counts under exactly one of them.</summary>
public enum DropReason
{
    /// <summary>Not lost.</summary>
    None,

    /// <summary>Inbound: fewer bytes than a VXLAN header.</summary>
    ShortOuter,

    /// <summary>Inbound: nothing behind the VXLAN and Ethernet headers, or not even those.</summary>
    ShortInner,

    /// <summary>Inbound: the outer source is no VTEP of this overlay.</summary>
    UnknownVtep,

    /// <summary>Inbound: the outer source is our own address.</summary>
    Self,

    /// <summary>Inbound: longer than the receive buffer, so the end is missing.</summary>
    Truncated,

    /// <summary>Inbound: the VXLAN flags are not those of plain VXLAN.</summary>
    BadFlags,

    /// <summary>Inbound: a reserved bit of the VXLAN header is set.</summary>
    Reserved,

    /// <summary>Inbound: another VNI.</summary>
    WrongVni,

    /// <summary>Inbound: the inner frame is not addressed to our VTEP MAC.</summary>
    DstMac,

    /// <summary>Inbound: the inner frame claims to come from our own VTEP MAC.</summary>
    Loop,

    /// <summary>Inbound: the inner frame's source MAC is not that of the sending VTEP.</summary>
    SrcMac,

    /// <summary>Inbound: the inner frame is not an IP packet (ARP, LLDP, a length field, ...).</summary>
    NotIp,

    /// <summary>Inbound: the inner frame has a VLAN tag (RFC 7348 section 6.1).</summary>
    Vlan,

    /// <summary>The IP version does not match the EtherType, or is none.</summary>
    Version,

    /// <summary>An IP family that this overlay does not carry.</summary>
    Family,

    /// <summary>The IP header length is less than 20 bytes or more than the packet.</summary>
    IpHeader,

    /// <summary>The IP total length is less than the header or more than the packet.</summary>
    IpLength,

    /// <summary>A source address that no packet may have.</summary>
    Martian,

    /// <summary>A destination address that no packet on the overlay may have.</summary>
    MartianDst,

    /// <summary>Inbound: time to live is zero.</summary>
    Ttl,

    /// <summary>Inbound: the inner source is in another peer's lease.</summary>
    SpoofPeer,

    /// <summary>Inbound: the inner source is in our own lease.</summary>
    SpoofSelf,

    /// <summary>Inbound: the inner source is in the network, but in nobody's lease.</summary>
    SpoofUnleased,

    /// <summary>Inbound: the inner source is outside of the network, and --source-check is strict.</summary>
    SpoofOutside,

    /// <summary>Inbound: the inner destination is not in our lease.</summary>
    NotOurs,

    /// <summary>Inbound: congestion was marked on a packet whose transport cannot react (RFC 6040 section 4.2).</summary>
    Ecn,

    /// <summary>Outbound: the device handed over a super-packet whose geometry does not hold.</summary>
    Gso,

    /// <summary>Outbound: a partial checksum whose place is not inside of the packet's transport header.</summary>
    Csum,

    /// <summary>Outbound: the destination is in no lease.</summary>
    NoRoute,

    /// <summary>Outbound: the source is not in our lease, and --source-check forbids it.</summary>
    ForeignSource,

    /// <summary>Outbound: longer than the underlay takes towards that peer.</summary>
    TooBig,

    /// <summary>Outbound: the socket stayed full.</summary>
    TxFull,

    /// <summary>Outbound: the kernel refused to send (firewall, no route to the peer, no memory, ...).</summary>
    SendRejected,

    /// <summary>Inbound: the TUN device refused the packet.</summary>
    TunRejected,
}
