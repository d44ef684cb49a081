using Overlay.Encap.Devices;

namespace Overlay.Encap.Tests.Flow.Whole;

/// <summary>A port that keeps what it is given.</summary>
internal sealed class FakeTunnelPort(uint address) : ITunnelPort
{
    private readonly byte[] _last = new byte[70_000];
    private int _length;

    public uint Address { get; } = address;

    public ushort Port => 8472;

    /// <summary>Peers that it does not reach.</summary>
    public HashSet<uint> Afar { get; } = [];

    /// <summary>What a send ends with, if not Ok.</summary>
    public IoResult Answer { get; set; }

    public int Asked { get; private set; }

    public int Sent { get; private set; }

    public byte[] Last => _last[.._length];

    public bool Reaches(uint endpoint) => !Afar.Contains(endpoint);

    public IoResult Send(ReadOnlySpan<byte> frame)
    {
        Asked++;
        if (Answer.Status != IoStatus.Ok) return Answer;
        frame.CopyTo(_last);
        _length = frame.Length;
        Sent++;
        return IoResult.Done(frame.Length);
    }
}
