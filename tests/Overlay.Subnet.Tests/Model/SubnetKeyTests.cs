using System.Net;
using CsCheck;
using Overlay.Subnet.Model;

namespace Overlay.Subnet.Tests.Model;

public sealed class SubnetKeyTests
{
    [Fact]
    public void Every_subnet_reads_back_from_its_key()
    {
        Gen.Select(Gen.UInt, Gen.Int[1, 31]).Sample((address, length) =>
        {
            IPNetwork subnet = IPv4.Network(address, length);
            SubnetKey key = SubnetKey.For(subnet);
            return SubnetKey.TryParse(key.Name, out SubnetKey back, out _) && back == key && back.Subnet == subnet;
        });
    }

    [Theory]
    [InlineData("10.5.3.0-24", "10.5.3.0/24")]
    [InlineData("10.12.13.0-24&fd00:12:13::-56", "10.12.13.0/24")]
    public void Flannels_two_forms_are_read_and_the_name_is_kept(string name, string subnet)
    {
        Assert.True(SubnetKey.TryParse(name, out SubnetKey key, out _));
        Assert.Equal((IPNetwork.Parse(subnet), name), (key.Subnet, key.Name));
    }

    [Theory]
    [InlineData("10.5.34.0-24x")]
    [InlineData("x10.5.34.0-24")]
    [InlineData("10.5.34.0-33")]
    [InlineData("10.5.34.0-0")]
    [InlineData("0.0.0.0-0")]
    [InlineData("10.5.34.1-32")]
    [InlineData("999.1.1.1-24")]
    [InlineData("10.5.34.7-24")]
    [InlineData("10.5.34.0-024")]
    [InlineData("010.5.34.0-24")]
    [InlineData("10.5.34.0-+24")]
    [InlineData("10.5.34-24")]
    [InlineData("10.5.34.0.0-24")]
    [InlineData("10.5.34.0")]
    [InlineData("10.5.34.0/24")]
    [InlineData("10.5.34.0-24/x")]
    [InlineData("10.5.34.0-24\n")]
    [InlineData("10.5.34.0-24\0")]
    [InlineData("10.5.34.0-\u0662\u0664")]
    [InlineData("\u202e10.5.34.0-24")]
    [InlineData("")]
    [InlineData("..")]
    [InlineData("%s")]
    [InlineData("&")]
    [InlineData("10.5.34.0-24&")]
    [InlineData("10.5.34.0-24&fd00::")]
    [InlineData("10.5.34.0-24&fd00::-128")]
    [InlineData("10.5.34.0-24&FD00::-64")]
    [InlineData("10.5.34.0-24&fd00::1%1-64")]
    [InlineData("10.5.34.0-24&1-64")]
    [InlineData("0.0.0.0-0&fd00:12:13::-56")]
    public void C25_other_names_are_refused(string name)
    {
        Assert.False(SubnetKey.TryParse(name, out _, out string? reason));
        Assert.NotEmpty(reason);
    }

    [Fact]
    public void C25_a_name_of_64_KiB_is_refused() => Assert.False(SubnetKey.TryParse(new string('1', 65536), out _, out _));
}
