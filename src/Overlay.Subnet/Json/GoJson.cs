using System.Text.Json;
using System.Text.Unicode;

namespace Overlay.Subnet.Json;

/// <summary>
/// Reads JSON as Go's <c>encoding/json</c> fills a struct: names match in any case, unknown ones are skipped, the last duplicate wins,
/// <c>null</c> leaves a bool or number as it was. Trouble is a <see cref="FormatException"/> whose message is safe to log.
/// </summary>
internal static class GoJson
{
    private const int MaxDepth = 64;

    /// <summary>Reads one field's value; called with the reader on the value's first token, must leave it on the last.</summary>
    public delegate void FieldReader(ref Utf8JsonReader reader, string name);

    /// <summary>Reads a document that is one object.</summary>
    /// <exception cref="FormatException">Not such a document, or <paramref name="read"/> threw it.</exception>
    public static void ReadDocument(ReadOnlySpan<byte> utf8, int maxLength, FieldReader read)
    {
        if (utf8.Length > maxLength)
            throw new FormatException($"longer than {maxLength} bytes");
        if (utf8.IndexOfAnyExcept(" \t\r\n"u8) < 0)
            throw new FormatException("empty");
        if (utf8.StartsWith("\uFEFF"u8))
            throw new FormatException("not JSON: starts with a byte order mark");
        if (!Utf8.IsValid(utf8))
            throw new FormatException("not JSON: not valid UTF-8");

        var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = MaxDepth });
        try
        {
            reader.Read();
            ReadObject(ref reader, read);
            reader.Read(); // throws when something follows
        }
        catch (JsonException e)
        {
            string where = $"line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}";
            throw new FormatException(reader.CurrentDepth >= MaxDepth - 1 ? $"nested deeper than {MaxDepth} at {where}" : $"not JSON: error at {where}", e);
        }
    }

    /// <summary>Reads the object the reader stands on.</summary>
    public static void ReadObject(ref Utf8JsonReader reader, FieldReader read)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
            throw new FormatException($"expected an object, found {Describe(reader.TokenType)}");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = Text(ref reader);
            reader.Read();
            read(ref reader, name);
        }
    }

    public static bool Is(string name, string field) => string.Equals(name, field, StringComparison.OrdinalIgnoreCase);

    public static string String(ref Utf8JsonReader reader) =>
        reader.TokenType == JsonTokenType.String ? Text(ref reader) : throw new FormatException($"expected a string, found {Describe(reader.TokenType)}");

    public static bool Bool(ref Utf8JsonReader reader, bool current) => reader.TokenType switch
    {
        JsonTokenType.True => true,
        JsonTokenType.False => false,
        JsonTokenType.Null => current,
        _ => throw new FormatException($"expected true or false, found {Describe(reader.TokenType)}"),
    };

    public static uint Number(ref Utf8JsonReader reader, uint current, uint most = uint.MaxValue)
    {
        if (reader.TokenType == JsonTokenType.Null)
            return current;
        if (reader.TokenType == JsonTokenType.Number && reader.TryGetUInt32(out uint value) && value <= most)
            return value;
        string found = reader.TokenType == JsonTokenType.Number ? "another" : Describe(reader.TokenType);
        throw new FormatException($"expected a whole number from 0 to {most}, found {found}");
    }

    private static string Text(ref Utf8JsonReader reader)
    {
        try
        {
            return reader.GetString()!;
        }
        catch (InvalidOperationException e)
        {
            throw new FormatException("text with half a surrogate pair", e);
        }
    }

    private static string Describe(JsonTokenType type) => type switch
    {
        JsonTokenType.StartObject => "an object",
        JsonTokenType.StartArray => "an array",
        JsonTokenType.String => "a string",
        JsonTokenType.Number => "a number",
        JsonTokenType.Null => "null",
        _ => "true or false",
    };
}
