using Overlay.Subnet.Keeping;
using Overlay.Subnet.Store;
using Overlay.Subnet.Tests.Support;

namespace Overlay.Subnet.Tests.Keeping;

/// <summary>The sign of life of the loop.</summary>
public sealed class PulseTests : KeeperTest
{
    [Fact]
    public async Task K19_a_loop_that_has_nothing_to_do_for_hours_answers_whoever_asks_for_a_sign_of_life()
    {
        for (int asked = 1; asked <= 3; asked++)
        {
            Keeper.Pulse.Ask();
            await Eventually.TrueAsync(() => Keeper.Pulse.Answers == asked, "answered"); // the clock stands still meanwhile
        }
        Store.Put(OwnPath, Some.Json(Some.Node(1, "n1")), etcdLeaseId: 0);
        await Eventually.TrueAsync(() => Keeper.Lease.IsReservation, "a reservation, which is never renewed");
        Keeper.Pulse.Ask();
        await Eventually.TrueAsync(() => Keeper.Pulse.Answers == 4, "answered all the same");
    }

    [Fact]
    public async Task K19_a_loop_that_hangs_does_not_answer()
    {
        using ManualResetEventSlim gate = new();
        using ManualResetEventSlim hangs = new();
        Store.Fault = (operation, _) =>
        {
            if (operation != "put") return null;
            hangs.Set();
            gate.Wait(CancellationToken.None);
            return null;
        };
        Store.Delete(OwnPath);
        await Task.Run(() => hangs.Wait(TestContext.Current.CancellationToken), TestContext.Current.CancellationToken);
        long before = Keeper.Pulse.Answers;
        Keeper.Pulse.Ask();
        await Task.Delay(50, TestContext.Current.CancellationToken);
        Assert.Equal(before, Keeper.Pulse.Answers);
        Store.Fault = null;
        gate.Set();
        await Eventually.TrueAsync(() => Keeper.Pulse.Answers > before, "answers again", Time);
    }

    [Fact]
    public async Task K19_while_it_waits_for_another_subnet_the_loop_answers()
    {
        Store.Fault = (operation, _) => operation == "grant" ? new StoreException(StoreFault.Unreachable, "away") : null;
        Store.Put(OwnPath, Some.Json(Some.Node(2)), etcdLeaseId: 77);
        await HappensAsync<LeaseHappening.Lost>();
        long before = Keeper.Pulse.Answers;
        Keeper.Pulse.Ask();
        await Eventually.TrueAsync(() => Keeper.Pulse.Answers > before, "answered");
        Store.Fault = null;
        await HappensAsync<LeaseHappening.Moved>();
    }
}
