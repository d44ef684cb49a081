using System.Globalization;

namespace Overlay.Encap.Wire;

/// <summary>A VXLAN network identifier: 24 bits that name one overlay segment (RFC 7348 section 5).</summary>
public readonly record struct Vni
{
    /// <summary>The largest identifier, 2^24 - 1.</summary>
    public const uint Max = 0xFF_FFFF;

    /// <summary>Wraps a number.</summary>
    /// <param name="value">0 to <see cref="Max"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">More than 24 bits.</exception>
    public Vni(uint value)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value, Max);
        Value = value;
    }

    /// <summary>The identifier as a number in host order.</summary>
    public uint Value { get; }

    /// <inheritdoc/>
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}
