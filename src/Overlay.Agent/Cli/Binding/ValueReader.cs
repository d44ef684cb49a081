using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Overlay.Agent.Cli.Grammar;
using Overlay.Agent.Text;

namespace Overlay.Agent.Cli.Binding;

/// <summary>Reads single values with their checks. A bad one becomes an error that names where it was given, and a harmless stand-in.</summary>
internal sealed class ValueReader
{
    private readonly FlagValues _values;
    private readonly List<string> _errors;

    public ValueReader(FlagValues values, List<string> errors)
    {
        _values = values;
        _errors = errors;
    }

    public bool IsGiven(Flag flag) => _values.IsGiven(flag);

    /// <summary>Whether there is a value that is not empty.</summary>
    public bool IsSet(Flag flag) => _values.Last(flag).Text.Length > 0;

    public bool IsTrue(Flag flag) => _values.IsTrue(flag);

    public IReadOnlyList<FlagValue> All(Flag flag) => _values.All(flag);

    /// <summary>Records a mistake in a flag's value.</summary>
    public void Fail(Flag flag, string problem) => _errors.Add($"{_values.Last(flag).Origin}: {problem}");

    /// <summary>The text, or null where it is empty. Control characters and NUL have no place in any of our values.</summary>
    public string? Text(Flag flag)
    {
        string text = _values.Last(flag).Text;
        if (text.Any(char.IsControl) && !flag.IsSecret)
        {
            Fail(flag, $"{Printable.Quote(text)} holds a control character");
            return null;
        }
        return text.Length == 0 ? null : text;
    }

    /// <summary>A whole number within limits, both of them allowed.</summary>
    public int Number(Flag flag, int least, int most)
    {
        long value = _values.Number(flag);
        if (value >= least && value <= most) return (int)value;
        Fail(flag, string.Create(CultureInfo.InvariantCulture, $"{value} is out of range, {least} to {most}"));
        return least;
    }

    /// <summary>An IP address of one family, or null where the flag is empty.</summary>
    public IPAddress? Address(Flag flag, AddressFamily? family = AddressFamily.InterNetwork)
    {
        if (Text(flag) is not { } text) return null;
        if (GoLiterals.TryAddress(text, out IPAddress address) && (family is null || address.AddressFamily == family)) return address;
        string kind = family switch
        {
            null => "IP",
            AddressFamily.InterNetwork => "IPv4",
            _ => "IPv6",
        };
        Fail(flag, $"{Printable.Quote(text)} is not an {kind} address");
        return null;
    }

    /// <summary>An address that other nodes can send to.</summary>
    public IPAddress? UnicastAddress(Flag flag)
    {
        if (Address(flag) is not { } address) return null;
        byte first = address.GetAddressBytes()[0];
        string? kind = first switch
        {
            0 => "the unspecified network",
            127 => "a loopback address",
            >= 240 => "a reserved or broadcast address",
            >= 224 => "a multicast address",
            _ => null,
        };
        if (kind is null) return address;
        Fail(flag, $"{address} is {kind}, which no other node can reach");
        return null;
    }

    /// <summary>An absolute path, from one relative to the working folder where need be.</summary>
    public string AbsolutePath(Flag flag)
    {
        if (Text(flag) is not { } text)
        {
            Fail(flag, "a path is needed");
            return "/";
        }
        return Path.GetFullPath(text);
    }

    /// <summary>One of a few words.</summary>
    public T Choice<T>(Flag flag, params ReadOnlySpan<(string Word, T Value)> choices)
    {
        string text = _values.Last(flag).Text;
        List<string> words = [];
        foreach ((string word, T value) in choices)
        {
            if (word == text) return value;
            words.Add(word);
        }
        Fail(flag, $"{Printable.Quote(text)} is not one of {string.Join(", ", words)}");
        return choices[0].Value;
    }
}
