using System.Text;
using CsCheck;
using Overlay.Subnet.Model;
using Overlay.Subnet.Tests.Support;

namespace Overlay.Subnet.Tests.Model;

public sealed class LeaseAttributesTests
{
    private const string Vxlan = """{"PublicIP":"192.168.64.3","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"}}""";

    [Theory]
    [InlineData(Vxlan)]
    [InlineData("""{"PublicIP":"192.168.64.3","PublicIPv6":"fd00::3","BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"}}""")]
    [InlineData("""{"PublicIP":"1.2.3.4","PublicIPv6":null}""")]
    [InlineData("""{"PublicIP":"192.168.64.3","PublicIPv6":null,"BackendType":"host-gw"}""")]
    [InlineData("""{"PublicIP":"192.168.64.3","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"},"NodeID":"n-1"}""")]
    public void Flannels_values_are_written_as_they_were_read(string json)
    {
        Assert.True(LeaseAttributes.TryParse(Encoding.UTF8.GetBytes(json), out LeaseAttributes? attributes, out _));
        Assert.Equal(json, Some.Json(attributes));
    }

    [Fact]
    public void Any_attributes_survive_the_round_trip()
    {
        Gen.Select(Gen.UInt, Gen.UInt[0, (1 << 24) - 1], Gen.Byte.Array[6], Gen.Char['!', '~'].Array[0, 64]).Sample((address, vni, mac, id) =>
        {
            var attributes = new LeaseAttributes
            {
                PublicIP = IPv4.FromUInt32((address % 0xDF00_0000) + 0x0100_0000 & 0x7FFF_FFFF | 0x0100_0000),
                BackendType = "vxlan",
                Vni = vni,
                VtepMac = string.Join(':', new[] { (byte)(mac[0] & 0xFE | 2) }.Concat(mac.Skip(1)).Select(b => $"{b:x2}")),
                NodeId = id.Length == 0 ? null : new string(id),
            };
            return LeaseAttributes.TryParse(attributes.ToJson(), out LeaseAttributes? back, out _) && back == attributes;
        });
    }

    [Fact]
    public void Go_would_read_this_too()
    {
        string json = """{"publicip":"1.2.3.4","PUBLICIP":"192.168.64.3","BackendType":"vxlan","extra":{"a":[1]},"backenddata":{"vtepmac":"C6-D2-32-6F-8F-44","other":null}}""";
        Assert.True(LeaseAttributes.TryParse(Encoding.UTF8.GetBytes(json), out LeaseAttributes? attributes, out _));
        Assert.Equal(("192.168.64.3", "c6:d2:32:6f:8f:44", null), ($"{attributes.PublicIP}", attributes.VtepMac, attributes.Vni));
    }

    [Theory]
    [InlineData("", "empty")]
    [InlineData("null", "expected an object, found null")]
    [InlineData("[]", "expected an object, found an array")]
    [InlineData("{}", "PublicIP is missing")]
    [InlineData("not json", "not JSON")]
    [InlineData("""{"PublicIP":null}""", "PublicIP is not an IPv4 address")]
    [InlineData("""{"PublicIP":""}""", "PublicIP is not an IPv4 address")]
    [InlineData("""{"PublicIP":"10.1"}""", "PublicIP is not an IPv4 address")]
    [InlineData("""{"PublicIP":"fd00::1"}""", "PublicIP is not an IPv4 address")]
    [InlineData("""{"PublicIP":["1.2.3.4"]}""", "PublicIP is not an IPv4 address")]
    [InlineData("""{"PublicIP":"0.0.0.0"}""", "PublicIP is not a unicast address")]
    [InlineData("""{"PublicIP":"224.0.0.1"}""", "PublicIP is not a unicast address")]
    [InlineData("""{"PublicIP":"255.255.255.255"}""", "PublicIP is not a unicast address")]
    [InlineData("""{"PublicIP":"1.2.3.4","PublicIPv6":"1.2.3.4"}""", "PublicIPv6 is not an IPv6 address")]
    [InlineData("""{"PublicIP":"1.2.3.4","BackendType":7}""", "expected a string, found a number")]
    [InlineData("""{"PublicIP":"1.2.3.4","BackendType":"vxlan"}""", "VtepMAC is missing")]
    [InlineData("""{"PublicIP":"1.2.3.4","BackendType":"vxlan","BackendData":"x"}""", "VtepMAC is missing")]
    [InlineData("""{"PublicIP":"1.2.3.4","BackendType":"vxlan","BackendData":{"VNI":1}}""", "VtepMAC is missing")]
    [InlineData("""{"PublicIP":"1.2.3.4","BackendType":"vxlan","BackendData":{"VNI":16777216,"VtepMAC":"02:00:00:00:00:01"}}""", "more than 24 bits")]
    [InlineData("""{"PublicIP":"1.2.3.4","BackendType":"vxlan","BackendData":{"VtepMAC":"02:00:00:00:00"}}""", "VtepMAC is not a 6-byte MAC address")]
    [InlineData("""{"PublicIP":"1.2.3.4","BackendType":"vxlan","BackendData":{"VtepMAC":"02:00:00:00:00:00:00:01"}}""", "VtepMAC is not a 6-byte MAC address")]
    [InlineData("""{"PublicIP":"1.2.3.4","BackendType":"vxlan","BackendData":{"VtepMAC":"00:00:00:00:00:00"}}""", "VtepMAC is zero")]
    [InlineData("""{"PublicIP":"1.2.3.4","BackendType":"vxlan","BackendData":{"VtepMAC":"01:00:5e:00:00:01"}}""", "VtepMAC is a multicast address")]
    public void C26_bad_values_are_refused_with_a_reason(string json, string reason)
    {
        Assert.False(LeaseAttributes.TryParse(Encoding.UTF8.GetBytes(json), out _, out string? said));
        Assert.Contains(reason, said, StringComparison.Ordinal);
    }

    [Fact]
    public void C26_size_and_depth_are_bounded()
    {
        Assert.False(LeaseAttributes.TryParse(new byte[1 << 20], out _, out _));
        Assert.False(LeaseAttributes.TryParse(Encoding.UTF8.GetBytes(new string('[', 10_000)), out _, out _));
    }

    [Fact]
    public void C26_mutated_values_are_read_or_refused_but_never_throw()
    {
        byte[] good = Encoding.UTF8.GetBytes(Vxlan);
        Gen.Select(Gen.Int[0, good.Length - 1], Gen.Byte, Gen.Int[0, good.Length]).Sample((at, with, length) =>
        {
            byte[] bad = [.. good];
            bad[at] = with;
            return LeaseAttributes.TryParse(bad.AsSpan(0, length), out LeaseAttributes? attributes, out string? reason)
                ? LeaseAttributes.TryParse(attributes.ToJson(), out LeaseAttributes? back, out _) && back == attributes
                : reason.Length > 0;
        }, iter: 20_000);
    }

    [Fact]
    public void A_node_id_that_nobody_of_ours_writes_counts_as_none()
    {
        foreach (string id in new[] { "7", "\"\"", "\"a b\"", "\"\\n\"", $"\"{new string('x', 65)}\"" })
        {
            Assert.True(LeaseAttributes.TryParse(Encoding.UTF8.GetBytes($$"""{"PublicIP":"1.2.3.4","NodeID":{{id}}}"""), out LeaseAttributes? attributes, out _));
            Assert.Null(attributes.NodeId);
        }
    }
}
