using Overlay.Encap.Forwarding;
using Overlay.Encap.Wire;

namespace Overlay.Encap.Tests.Volume;

/// <summary>FAULTS S7: the table of 5,000 peers that come and go, against a model that is an array of the whole network.</summary>
public sealed class PeerTableTests
{
    private const int Peers = 5_000, ChangesPerTable = 50;
    private const uint Network = 0x0A00_0000; // 10.0.0.0/8, of which each /24 is an element

    [Fact]
    public void S7_ten_million_look_ups_among_5000_changing_peers_equal_those_of_a_naive_model() => Volume.Run(seed =>
    {
        Dice dice = new((ulong)seed);
        Remote[] peers = new Remote[Peers];
        for (int i = 0; i < Peers; i++) peers[i] = AnyPeer(ref dice);
        const int Tables = 4;
        for (int table = 0; table < Tables; table++)
        {
            for (int i = 0; i < ChangesPerTable; i++) peers[dice.Next(Peers)] = AnyPeer(ref dice);
            Compare(ref dice, seed, peers, Volume.Chunk / Tables);
        }
    });

    private static void Compare(ref Dice dice, int seed, Remote[] peers, int lookUps)
    {
        ForwardingTable table = new(new LocalNode(new Prefix(Network, 8), new Prefix(0x0AFF_FF00, 24), 1, new MacAddress(0x0200_0000_0000), new Vni(1), SourceCheck.Strict), peers);
        int[] owners = Owners(peers);
        HashSet<uint> vteps = [.. peers.Select(peer => peer.Endpoint), .. peers.Select(peer => peer.PreviousEndpoint).Where(endpoint => endpoint != 0)];
        for (int i = 0; i < lookUps; i++)
        {
            Remote near = peers[dice.Next(Peers)];
            uint address = dice.Next(4) switch
            {
                0 => near.Subnet.Address + (uint)dice.Next(256),
                1 => near.Subnet.Last + (uint)dice.Next(3) - 1,
                2 => near.Subnet.Address - (uint)dice.Next(300),
                _ => (uint)dice.Next(),
            };
            int expected = address >> 24 == Network >> 24 ? owners[address >> 8 & 0xFFFF] : PrefixMap.None;
            uint endpoint = dice.Next(3) switch { 0 => near.Endpoint, 1 => near.PreviousEndpoint, _ => near.Endpoint + (uint)dice.Next(3) - 1 };
            if (table.FindRemote(address) != expected || table.IsVtep(endpoint) != vteps.Contains(endpoint))
                Assert.Fail($"seed {seed}: {address:x8} is {table.FindRemote(address)}'s instead of {expected}'s, or {endpoint:x8} is no VTEP, or is one");
        }
    }

    // The longest prefix last, and of equal ones the first.
    private static int[] Owners(Remote[] peers)
    {
        int[] owners = new int[1 << 16];
        Array.Fill(owners, PrefixMap.None);
        foreach (int i in Enumerable.Range(0, peers.Length).OrderBy(i => peers[i].Subnet.Length).ThenByDescending(i => i))
            owners.AsSpan((int)(peers[i].Subnet.Address >> 8 & 0xFFFF), 1 << 24 - peers[i].Subnet.Length).Fill(i);
        return owners;
    }

    // Mostly of one length, as flannel leases them; some nest or are equal, as they do for a moment when subnets change hands.
    private static Remote AnyPeer(ref Dice dice)
    {
        Prefix subnet = new(Network | (uint)dice.Next(1 << 16) << 8, dice.Next(10) == 0 ? 18 + dice.Next(7) : 24);
        uint endpoint = 0xC0A8_0000 + (uint)dice.Next(8_000), previous = dice.Next(20) == 0 ? 0xC0A8_0000 + (uint)dice.Next(8_000) : 0;
        return new Remote(subnet, endpoint, new MacAddress(0x0200_0000_0000UL + endpoint), previous);
    }
}
