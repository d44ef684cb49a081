using System.Net;
using Microsoft.Extensions.Time.Testing;
using Overlay.Agent.Configuration;
using Overlay.Agent.Healing;
using Overlay.Agent.Startup;
using Overlay.Encap.Linux.Netlink;

namespace Overlay.Agent.Tests.Healing;

public sealed class UnderlayWatchTests
{
    private static readonly IPAddress First = IPAddress.Parse("192.0.2.1"), Second = IPAddress.Parse("192.0.2.2");

    private readonly FakeTimeProvider _time = new();
    private UnderlaySettings _settings = new() { Interfaces = ["eth0"] };
    private Action<UnderlayChoice> _check = static _ => { };

    [Fact]
    public void K2_an_address_that_still_stands_is_kept_under_whatever_name_and_index()
    {
        UnderlayWatch watch = Watch();

        watch.Look(HostWith("eth9", 7, Second, First));

        Assert.Equal((First, "eth9", 7), (watch.Current.Address, watch.Current.Link.Name, watch.Current.Link.Index));
        Assert.Null(watch.Trouble);
    }

    [Fact]
    public void K2_another_address_is_taken_when_it_has_lasted()
    {
        UnderlayWatch watch = Watch();

        watch.Look(HostWith("eth0", 2, Second));
        Assert.Equal(First, watch.Current.Address);
        Assert.Contains("192.0.2.1 is gone", watch.Trouble, StringComparison.Ordinal);
        _time.Advance(watch.NextLook!.Value);
        watch.Look(HostWith("eth0", 2, Second));

        Assert.Equal((Second, Second, Second), (watch.Current.Address, watch.Current.PublicIp, watch.Current.ListenAddress));
        Assert.Null(watch.Trouble);
    }

    [Fact]
    public void K1_an_address_that_comes_back_in_time_was_never_gone()
    {
        UnderlayWatch watch = Watch();

        for (int i = 0; i < 100; i++)
        {
            watch.Look(HostWith("eth0", 2, Second));
            _time.Advance(UnderlayWatch.Settle / 2);
            watch.Look(HostWith("eth0", 2, First));
            _time.Advance(UnderlayWatch.Settle / 2);
        }

        Assert.Equal(First, watch.Current.Address);
    }

    [Fact]
    public void K2_an_address_given_by_flag_is_kept()
    {
        _settings = _settings with { PublicIp = IPAddress.Parse("203.0.113.9") };
        UnderlayWatch watch = Watch();

        watch.Look(HostWith("eth0", 2, Second));
        _time.Advance(UnderlayWatch.Settle);
        watch.Look(HostWith("eth0", 2, Second));

        Assert.Equal(("203.0.113.9", Second), (watch.Current.PublicIp.ToString(), watch.Current.ListenAddress));
    }

    [Fact]
    public void Where_nothing_can_take_its_place_the_old_one_is_waited_for()
    {
        UnderlayWatch watch = Watch();
        _check = static _ => throw new CannotStartException("it is inside of the overlay");

        for (int i = 0; i < 3; i++)
        {
            watch.Look(HostWith("eth0", 2, Second));
            _time.Advance(UnderlayWatch.Settle);
        }
        Assert.Equal(First, watch.Current.Address);
        Assert.Contains("inside of the overlay", watch.Trouble, StringComparison.Ordinal);

        watch.Look(HostWith("eth0", 2));
        Assert.Equal(First, watch.Current.Address);
        Assert.Contains("no usable IPv4 address", watch.Trouble, StringComparison.Ordinal);
    }

    private UnderlayWatch Watch() =>
        new(_settings, choice => _check(choice), UnderlayInterface.Choose(_settings, HostWith("eth0", 2, First)), _time);

    private static HostNetwork HostWith(string name, int index, params IPAddress[] addresses) => new(
        [new LinkInfo(index, name, null, 1500, true, null, null, null)],
        [.. addresses.Select(address => new AddressInfo(index, address, 24, 0, 0x80))], [], _ => null);
}
