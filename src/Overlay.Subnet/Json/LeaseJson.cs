using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Text.Json;
using Overlay.Subnet.Model;

namespace Overlay.Subnet.Json;

/// <summary>
/// The value of a lease key. Written in flannel's field order (<c>pkg/lease/lease.go</c>), ours last:
/// <c>{"PublicIP":"192.168.64.3","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"},"NodeID":"n1"}</c>.
/// </summary>
internal static class LeaseJson
{
    private const string VxlanType = "vxlan";
    private const int MaxNodeIdLength = 64;

    public static byte[] Write(LeaseAttributes attributes)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("PublicIP", attributes.PublicIP.ToString());
            writer.WriteString("PublicIPv6", attributes.PublicIPv6?.ToString());
            if (!string.IsNullOrEmpty(attributes.BackendType))
                writer.WriteString("BackendType", attributes.BackendType);
            if (attributes.VtepMac is not null)
            {
                writer.WriteStartObject("BackendData");
                if (attributes.Vni is uint vni)
                    writer.WriteNumber("VNI", vni);
                writer.WriteString("VtepMAC", attributes.VtepMac);
                writer.WriteEndObject();
            }
            if (!string.IsNullOrEmpty(attributes.NodeId))
                writer.WriteString("NodeID", attributes.NodeId);
            writer.WriteEndObject();
        }
        return buffer.WrittenSpan.ToArray();
    }

    private sealed class Fields
    {
        public uint? PublicIP;
        public IPAddress? PublicIPv6;
        public string? BackendType;
        public uint? Vni;
        public string? VtepMac;
        public string? NodeId;
    }

    public static bool TryParse(ReadOnlySpan<byte> utf8, [NotNullWhen(true)] out LeaseAttributes? attributes, [NotNullWhen(false)] out string? reason)
    {
        attributes = null;
        reason = null;
        var fields = new Fields();
        try
        {
            GoJson.ReadDocument(utf8, LeaseAttributes.MaxJsonLength, (ref Utf8JsonReader reader, string name) => ReadField(ref reader, name, fields));
            attributes = Check(fields);
        }
        catch (FormatException e)
        {
            reason = e.Message;
        }
        return attributes is not null;
    }

    private static void ReadField(ref Utf8JsonReader reader, string name, Fields fields)
    {
        if (GoJson.Is(name, "PublicIP"))
            fields.PublicIP = reader.TokenType == JsonTokenType.String && IPv4.TryParse(GoJson.String(ref reader), out uint address)
                ? address : throw new FormatException("PublicIP is not an IPv4 address");
        else if (GoJson.Is(name, "PublicIPv6"))
            fields.PublicIPv6 = ReadIPv6(ref reader);
        else if (GoJson.Is(name, "BackendType"))
            fields.BackendType = reader.TokenType == JsonTokenType.Null ? null : GoJson.String(ref reader);
        else if (GoJson.Is(name, "BackendData") && reader.TokenType == JsonTokenType.StartObject)
            GoJson.ReadObject(ref reader, (ref Utf8JsonReader value, string field) => ReadBackendData(ref value, field, fields));
        else if (GoJson.Is(name, "NodeID") && reader.TokenType == JsonTokenType.String)
            fields.NodeId = GoJson.String(ref reader) is { Length: > 0 and <= MaxNodeIdLength } id
                && !id.AsSpan().ContainsAnyExceptInRange('!', '~') ? id : null;
        else
            reader.Skip();
    }

    private static IPAddress? ReadIPv6(ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.Null)
            return null;
        return reader.TokenType == JsonTokenType.String && GoJson.String(ref reader) is { Length: <= 45 } text && !text.AsSpan().ContainsAny('%', '[', '/')
            && IPAddress.TryParse(text, out IPAddress? address) && address.AddressFamily == AddressFamily.InterNetworkV6
            ? address : throw new FormatException("PublicIPv6 is not an IPv6 address");
    }

    // Other backends put other things into BackendData, so its fields are judged only once the type is known.
    private static void ReadBackendData(ref Utf8JsonReader reader, string name, Fields fields)
    {
        if (GoJson.Is(name, "VNI") && reader.TokenType == JsonTokenType.Number && reader.TryGetUInt32(out uint vni))
            fields.Vni = vni;
        else if (GoJson.Is(name, "VtepMAC") && reader.TokenType == JsonTokenType.String)
            fields.VtepMac = GoJson.String(ref reader);
        else
            reader.Skip();
    }

    private static LeaseAttributes Check(Fields fields)
    {
        if (fields.PublicIP is not uint publicIP)
            throw new FormatException("PublicIP is missing");
        if (publicIP >> 24 is 0 or >= 224)
            throw new FormatException("PublicIP is not a unicast address");
        bool vxlan = string.Equals(fields.BackendType, VxlanType, StringComparison.OrdinalIgnoreCase);
        return new LeaseAttributes
        {
            PublicIP = IPv4.FromUInt32(publicIP),
            PublicIPv6 = fields.PublicIPv6,
            BackendType = vxlan ? VxlanType : fields.BackendType,
            Vni = vxlan ? CheckVni(fields.Vni) : null,
            VtepMac = vxlan ? CheckMac(fields.VtepMac) : null,
            NodeId = fields.NodeId,
        };
    }

    private static uint? CheckVni(uint? vni) => vni is null or < 1 << 24 ? vni : throw new FormatException("VNI has more than 24 bits");

    private static string CheckMac(string? text)
    {
        if (text is null)
            throw new FormatException("VtepMAC is missing");
        if (!PhysicalAddress.TryParse(text, out PhysicalAddress? mac) || mac.GetAddressBytes() is not { Length: 6 } bytes)
            throw new FormatException("VtepMAC is not a 6-byte MAC address");
        if ((bytes[0] & 1) != 0)
            throw new FormatException("VtepMAC is a multicast address");
        if (!bytes.AsSpan().ContainsAnyExcept((byte)0))
            throw new FormatException("VtepMAC is zero");
        return string.Join(':', bytes.Select(b => b.ToString("x2", System.Globalization.CultureInfo.InvariantCulture)));
    }
}
