using System.Net;
using System.Security.Cryptography;
using System.Text;
using Overlay.Agent.State;
using Overlay.Agent.Tests.Support;

namespace Overlay.Agent.Tests.State;

public sealed class StateFileTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string StatePath => _folder.File("lib/state.json");

    private StateFile NewFile() => new(_folder.File("lib"));

    [Fact]
    public void A_new_state_has_an_identity_and_a_local_unicast_MAC()
    {
        AgentState state = AgentState.CreateNew();
        Assert.Matches("^[0-9a-f]{32}$", state.NodeId);
        Assert.True(state.VtepMac.IsUnicast);
        Assert.Equal(2UL, state.VtepMac.Value >> 40 & 3);
        Assert.NotEqual(state.NodeId, AgentState.CreateNew().NodeId);
    }

    [Fact]
    public void What_is_saved_is_loaded_again()
    {
        AgentState fresh = AgentState.CreateNew();
        Assert.Equal(new LoadedState(null, null), NewFile().Load());
        Assert.True(NewFile().TrySave(fresh, out string? problem), problem);
        Assert.Equal(new LoadedState(fresh, null), NewFile().Load());

        AgentState leased = fresh with
        {
            Network = IPNetwork.Parse("10.1.0.0/16"),
            Subnet = IPNetwork.Parse("10.1.15.0/24"),
            EtcdLeaseId = long.MaxValue,
            LeaseExpires = new DateTimeOffset(2026, 3, 4, 5, 6, 7, 89, TimeSpan.Zero),
            Announced = IPNetwork.Parse("10.1.14.0/24"),
            DockerOptionsFile = "/run/flannel/docker_opts.env",
        };
        Assert.True(NewFile().TrySave(leased, out problem), problem);
        Assert.Equal(new LoadedState(leased, null), NewFile().Load());
        Assert.Equal([StatePath], Directory.GetFileSystemEntries(_folder.File("lib")));
    }

    [Fact]
    public void A_file_of_the_first_agents_keeps_identity_and_subnet()
    {
        Write(Sealed(1, $$"""{"nodeId":"{{new string('a', 32)}}","vtepMac":"02:00:00:00:00:01","network":"10.1.0.0/16","subnet":"10.1.15.0/24"}"""));
        AgentState state = NewFile().Load().State!;
        Assert.Equal(IPNetwork.Parse("10.1.15.0/24"), state.Subnet);
        Assert.Null(state.EtcdLeaseId);
    }

    [Fact]
    public void J7_file_and_folder_are_for_the_owner_alone()
    {
        Assert.True(NewFile().TrySave(AgentState.CreateNew(), out _));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(StatePath));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(_folder.File("lib")));
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"version\":\"1\"}")]
    [InlineData("{\"version\":0,\"state\":{}}")]
    [InlineData("{\"version\":1,\"checksum\":null,\"state\":{}}")]
    [InlineData("{\"version\":1,\"state\":null}")]
    [InlineData("not json")]
    public void J4_a_corrupt_file_is_ignored_with_a_reason_and_replaced(string content)
    {
        Write(content);
        LoadedState loaded = NewFile().Load();
        Assert.Null(loaded.State);
        Assert.NotNull(loaded.Problem);
        Assert.True(NewFile().TrySave(AgentState.CreateNew(), out string? problem), problem);
        Assert.NotNull(NewFile().Load().State);
    }

    [Fact]
    public void J4_every_truncation_and_every_flipped_byte_is_noticed()
    {
        AgentState state = AgentState.CreateNew() with { Subnet = IPNetwork.Parse("10.1.15.0/24") };
        Assert.True(NewFile().TrySave(state, out _));
        byte[] good = File.ReadAllBytes(StatePath);
        for (int i = 0; i < good.Length - 2; i++)
        {
            File.WriteAllBytes(StatePath, good[..i]);
            Assert.Null(NewFile().Load().State);

            byte[] flipped = [.. good];
            flipped[i] ^= 1;
            File.WriteAllBytes(StatePath, flipped);
            LoadedState loaded = NewFile().Load();
            Assert.True(loaded.State is null || loaded.State == state, $"byte {i} changed what was loaded");
        }
    }

    [Fact]
    public void J4_values_that_make_no_sense_are_ignored_even_with_a_right_checksum()
    {
        Write(Sealed(1, """{"nodeId":"short","vtepMac":"02:00:00:00:00:01"}"""));
        Assert.Equal(new LoadedState(null, "its values are damaged"), NewFile().Load());
        Write(Sealed(1, $$"""{"nodeId":"{{new string('a', 32)}}","vtepMac":"ff:ff:ff:ff:ff:ff"}"""));
        Assert.Equal(new LoadedState(null, "its values are damaged"), NewFile().Load());
    }

    [Fact]
    public void J4_a_newer_file_keeps_its_identity_and_is_not_overwritten()
    {
        string content = $$$"""{"version":2,"checksum":"other","extra":1,"state":{"nodeId":"{{{new string('a', 32)}}}","vtepMac":"02:00:00:00:00:01","more":[]}}""";
        Write(content);
        LoadedState loaded = NewFile().Load();
        Assert.Equal(new string('a', 32), loaded.State!.NodeId);
        Assert.Contains("version 2", loaded.Problem);
        Assert.False(NewFile().TrySave(loaded.State, out string? problem));
        Assert.Contains("newer", problem);
        Assert.Equal(content, File.ReadAllText(StatePath));
    }

    [Fact]
    public void J4_a_FIFO_in_the_files_place_is_not_waited_for()
    {
        Directory.CreateDirectory(_folder.File("lib"));
        Tool.Must("mkfifo", StatePath);
        Assert.Contains("FIFO", NewFile().Load().Problem);
        Assert.True(NewFile().TrySave(AgentState.CreateNew(), out string? problem), problem);
    }

    private void Write(string content)
    {
        Directory.CreateDirectory(_folder.File("lib"));
        File.WriteAllText(StatePath, content);
    }

    private static string Sealed(int version, string body) =>
        $$"""{"version":{{version}},"checksum":"{{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(body)))}}","state":{{body}}}""";
}
