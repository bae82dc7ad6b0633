using System.Threading.RateLimiting;
using Microsoft.Extensions.Options;
using Ocellus.Access;

namespace Ocellus.Protocol;

/// <summary>Counts requests for each account, region and operation in a token bucket that holds one second's worth, and refuses what goes beyond.</summary>
internal sealed class RequestThrottle(IOptions<ThrottlingOptions> options) : IDisposable
{
    /// <summary>Parts of a second after which tokens come back, so that a steady sender just below the rate is not refused.</summary>
    private const int Shares = 10;

    private readonly PartitionedRateLimiter<(string Account, string Region, string Operation)> _buckets = PartitionedRateLimiter.Create<(string Account, string Region, string Operation), (string, string, string)>(
        asked => RateLimitPartition.GetTokenBucketLimiter((asked.Account, asked.Region, asked.Operation), _ =>
        {
            var rate = options.Value.PerSecond(asked.Operation);
            var share = Math.Max(1, rate / Shares);
            return new TokenBucketRateLimiterOptions
            {
                TokenLimit = rate,
                TokensPerPeriod = share,
                ReplenishmentPeriod = TimeSpan.FromSeconds((double)share / rate),
                QueueLimit = 0,
            };
        }));

    /// <summary>Takes a token.</summary>
    /// <exception cref="RefusedException">Throttled: there is none. Nothing of the request has been looked at yet.</exception>
    public void Require(Caller caller, string operation)
    {
        if (!options.Value.Enabled)
        {
            return;
        }

        using var lease = _buckets.AttemptAcquire((caller.AccountId, caller.Region, operation));
        if (!lease.IsAcquired)
        {
            throw new RefusedException(RefusalKind.Throttled, $"Rate exceeded: {operation} takes {options.Value.PerSecond(operation)} requests a second of one account and region (settings Ocellus:Throttling); ask again later.");
        }
    }

    public void Dispose() => _buckets.Dispose();
}
