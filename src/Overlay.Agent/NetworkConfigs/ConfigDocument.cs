using System.Buffers;
using System.Text.Json;
using Overlay.Subnet;

namespace Overlay.Agent.NetworkConfigs;

/// <summary>A network config as text with keys, for remarks on it. What it means is for the parser in Overlay.Subnet alone to say.</summary>
/// <remarks>Keys are compared as Go compares them: in any case.</remarks>
internal sealed class ConfigDocument
{
    private const string Backend = "Backend";

    private readonly (string Key, string Value)[] _entries;

    private ConfigDocument((string Key, string Value)[] entries) => _entries = entries;

    /// <summary>Every key as written, in order, those of Backend as <c>Backend.X</c>; a key given twice stands here twice.</summary>
    public IEnumerable<string> Keys => _entries.Select(e => e.Key);

    /// <summary>Reads a document; one that is no JSON object has no keys.</summary>
    public static ConfigDocument Read(ReadOnlyMemory<byte> utf8)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(utf8);
            return document.RootElement.ValueKind == JsonValueKind.Object ? new ConfigDocument([.. Entries(document.RootElement)]) : new ConfigDocument([]);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return new ConfigDocument([]);
        }
    }

    /// <summary>The value that counts for a key, as JSON, shortened and safe to print; null where the key is not given.</summary>
    public string? Value(string key) => _entries.LastOrDefault(e => Is(e.Key, key)).Value;

    /// <summary>The text of a value that is a JSON string; null for any other.</summary>
    public string? Text(string key) => Value(key) is ['"', .. var text, '"'] ? text : null;

    /// <summary>Whether a key is given.</summary>
    public bool Has(string key) => Value(key) is not null;

    /// <summary>The document without some keys.</summary>
    public static byte[] Without(ReadOnlyMemory<byte> utf8, IReadOnlySet<string> keys)
    {
        using JsonDocument document = JsonDocument.Parse(utf8);
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter writer = new(buffer)) Copy(document.RootElement, "", keys, writer);
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Compares two keys as Go does.</summary>
    public static bool Is(string key, string other) => string.Equals(key, other, StringComparison.OrdinalIgnoreCase);

    private static void Copy(JsonElement element, string path, IReadOnlySet<string> leftOut, Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        foreach (JsonProperty property in element.EnumerateObject().Where(p => !leftOut.Any(key => Is(key, path + p.Name))))
        {
            writer.WritePropertyName(property.Name);
            if (path.Length == 0 && Is(property.Name, Backend) && property.Value.ValueKind == JsonValueKind.Object) Copy(property.Value, $"{Backend}.", leftOut, writer);
            else property.Value.WriteTo(writer);
        }
        writer.WriteEndObject();
    }

    private static IEnumerable<(string Key, string Value)> Entries(JsonElement root)
    {
        foreach (JsonProperty property in root.EnumerateObject())
        {
            yield return (property.Name, Shown(property.Value));
            if (!Is(property.Name, Backend) || property.Value.ValueKind != JsonValueKind.Object) continue;
            foreach (JsonProperty inner in property.Value.EnumerateObject()) yield return ($"{Backend}.{inner.Name}", Shown(inner.Value));
        }
    }

    private static string Shown(JsonElement value) => LogText.Escape(value.GetRawText());
}
