using Overlay.Encap.Wire;

namespace Overlay.Encap.Tests.Wire;

/// <summary>RFC 6040 figure 4, copied out as text, against the code's table.</summary>
public sealed class EcnTests
{
    // Codepoints: N = Not-ECT 0, 1 = ECT(1), 0 = ECT(0) 2, C = CE 3. X is the drop; ! marks what is worth an alarm.
    private const string Figure4 = """
        N: N=N  0=N! 1=N! C=X!
        0: N=0  0=0  1=1  C=C
        1: N=1  0=1  1=1  C=C
        C: N=C  0=C  1=C! C=C
        """;

    public static TheoryData<int, int, int, bool> Pairs()
    {
        TheoryData<int, int, int, bool> pairs = [];
        foreach (string row in Figure4.Split('\n'))
        {
            string[] cells = row.Trim().Split(' ', StringSplitOptions.RemoveEmptyEntries);
            foreach (string cell in cells[1..]) pairs.Add(Codepoint(cells[0][0]), Codepoint(cell[0]), Codepoint(cell[2]), cell.EndsWith('!'));
        }
        return pairs;
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public void F1_decapsulation_follows_figure_4(int inner, int outer, int expected, bool odd)
    {
        foreach (int dscp in new[] { 0, 0xB8, 0xFC })
        {
            Assert.Equal(expected, Ecn.Decapsulate((byte)(inner | dscp), (byte)(outer | 0x50)));
            Assert.Equal(odd, Ecn.IsOdd((byte)(inner | dscp), (byte)(outer | 0x50)));
        }
    }

    [Fact]
    public void F1_all_16_pairs_are_in_the_figure() => Assert.Equal(16, Pairs().Count);

    private static int Codepoint(char c) => c switch { 'N' => 0, '1' => 1, '0' => 2, 'C' => 3, _ => Ecn.Drop };
}
