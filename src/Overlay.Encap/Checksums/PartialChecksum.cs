using Overlay.Encap.Counters;
using Overlay.Encap.Wire;

namespace Overlay.Encap.Checksums;

/// <summary>Finishes the checksums that the kernel leaves to a network card and the TUN device hands over unfinished.</summary>
public static class PartialChecksum
{
    /// <summary>Completes the checksum that a virtio-net header with NEEDS_CSUM points at, or says that the place is wrong.</summary>
    /// <param name="packet">The whole IPv4 packet, its header checked.</param>
    /// <param name="header">The virtio-net header it came with.</param>
    /// <returns><see cref="DropReason.None"/> or <see cref="DropReason.Csum"/>; then the packet is unchanged.</returns>
    public static DropReason Complete(Span<byte> packet, in VirtioNetHeader header)
    {
        if ((header.Flags & VirtioNetHeader.NeedsChecksum) == 0) return DropReason.None;
        int start = header.ChecksumStart, field = start + header.ChecksumOffset;
        if (start < new IPv4View(packet).HeaderLength || field + 2 > packet.Length) return DropReason.Csum;

        // The field holds the pseudo-header's sum, so it takes part in the sum as it stands.
        InternetChecksum.WriteFinishedTransport(packet[field..], InternetChecksum.Sum(packet[start..]));
        return DropReason.None;
    }
}
