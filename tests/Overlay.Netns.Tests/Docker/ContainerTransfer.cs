using System.Security.Cryptography;
using Overlay.Netns.Tests.Support;
using Overlay.Netns.Tests.Traffic;

namespace Overlay.Netns.Tests.Docker;

/// <summary>Bytes from one container to another by TCP, made and judged by the test through pipes in their shared folders: no disk is in the way.</summary>
internal static class ContainerTransfer
{
    private const int BlockLength = 16 << 20;

    // The programs get the socket itself: nc's own copying takes a system call for each KiB.
    private const string Sender = "#!/bin/sh\nexec dd bs=64k if=/shared/sent 2>/dev/null\n", Receiver = "#!/bin/sh\nexec dd bs=64k of=/shared/received 2>/dev/null\n";

    /// <summary>Sends a number of blocks of 16 MiB, and fails unless each of their bytes arrives.</summary>
    public static async Task RunAsync(DockerDaemon from, string sender, DockerDaemon to, string receiver, string address, int blocks)
    {
        CancellationToken cancel = TestContext.Current.CancellationToken;
        Tool.Must("mkfifo", [from.Shared("sent"), to.Shared("received")]);
        from.Place("send", Sender);
        to.Place("receive", Receiver);
        Task<(int ExitCode, string Output)> listening = Task.Run(() => to.Exec(receiver, "nc -l -p 7000 -e /shared/receive"), cancel);
        Task<(long Length, string Hash)> received = Task.Run(() => Receive(to.Shared("received")), cancel);
        await Eventually.TrueAsync(() => to.Exec(receiver, "netstat -ltn").Output.Contains(":7000 ", StringComparison.Ordinal), "the receiver listens");
        Task<string> sent = Task.Run(() => Send(from.Shared("sent"), blocks), cancel);

        // A program that ends early leaves its pipe's other end waiting, so the programs are asked first.
        (int exitCode, string output) = await Task.Run(() => from.Exec(sender, $"nc {address} 7000 -e /shared/send"), cancel);
        Assert.True(exitCode == 0, output);
        (exitCode, output) = await listening;
        Assert.True(exitCode == 0, output);
        Assert.Equal(((long)blocks * BlockLength, await sent), await received);
    }

    // Each block is another cut of the same random bytes, so that no two places look alike.
    private static string Send(string pipe, int blocks)
    {
        byte[] random = Payload.Create(BlockLength + blocks, seed: 7);
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using FileStream stream = new(pipe, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        for (int i = 0; i < blocks; i++)
        {
            ReadOnlySpan<byte> block = random.AsSpan(i, BlockLength);
            hash.AppendData(block);
            stream.Write(block);
        }
        return Convert.ToHexString(hash.GetHashAndReset());
    }

    private static (long Length, string Hash) Receive(string pipe)
    {
        byte[] buffer = new byte[1 << 20];
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using FileStream stream = new(pipe, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
        long length = 0;
        while (stream.Read(buffer) is > 0 and var count)
        {
            hash.AppendData(buffer, 0, count);
            length += count;
        }
        return (length, Convert.ToHexString(hash.GetHashAndReset()));
    }
}
