using System.Security.Cryptography;

namespace Overlay.Netns.Tests.Traffic;

/// <summary>Bytes that look random and are the same in each run, so that a transfer that fails can be repeated.</summary>
internal static class Payload
{
    /// <summary>Makes a payload; another seed, other bytes.</summary>
    public static byte[] Create(int length, int seed)
    {
        byte[] bytes = new byte[length];
#pragma warning disable CA5394 // no secret: a sequence that repeats is what is wanted
        new Random(seed).NextBytes(bytes);
#pragma warning restore CA5394
        return bytes;
    }

    /// <summary>SHA-256 in hexadecimal.</summary>
    public static string Hash(ReadOnlySpan<byte> bytes) => Convert.ToHexString(SHA256.HashData(bytes));
}
