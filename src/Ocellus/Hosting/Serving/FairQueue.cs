namespace Ocellus.Hosting.Serving;

/// <summary>What a thread took from a queue: one request, or several to answer together.</summary>
/// <param name="Flow">The flow it was taken from.</param>
/// <param name="Work">Answers the requests; must not throw.</param>
/// <param name="Count">Number of requests.</param>
/// <param name="Expected">Seconds charged to the flow in advance.</param>
internal readonly record struct ServingTurn(FairQueue.Flow Flow, Action Work, int Count, double Expected);

/// <summary>
/// The queued requests of all models, one flow for each model: weighted fair queuing by used time. A flow's virtual time is the thread seconds that it has
/// used, divided by its weight; the flow with the lowest is served next. A flow that was empty joins at the virtual time of the flow served last, so it does
/// not catch up on time without requests. The cost of a request is known only afterwards, so a flow is charged the time of its last request, and the
/// difference is settled when the request is answered.
/// </summary>
/// <param name="servers">Threads that take from it.</param>
internal sealed class FairQueue(int servers) : IDisposable
{
    // An object and not a Lock: threads wait on it. It guards the list, and all state of the flows that is not volatile.
    private readonly object _gate = new();
    private readonly List<Flow> _waiting = [];
    private double _virtualTime;
    private int _busy;
    private bool _ended;

    /// <summary>Threads that are answering requests.</summary>
    public int Busy => Volatile.Read(ref _busy);

    /// <summary>Adds an empty flow.</summary>
    /// <param name="weight">Its initial weight.</param>
    /// <param name="batchMax">Maximum requests that a thread takes at once; more than one only while more are waiting than threads are free.</param>
    /// <param name="serve">Answers requests, on the thread that took them. It must not throw.</param>
    public Flow<T> AddFlow<T>(int weight, int batchMax, Action<IReadOnlyList<T>> serve) => new(this, weight, batchMax, serve);

    /// <summary>Waits for requests and takes the next ones. The caller calls <see cref="Complete"/> when they are answered.</summary>
    /// <returns>Null when the queue has ended and is empty.</returns>
    public ServingTurn? Take()
    {
        lock (_gate)
        {
            while (_waiting.Count == 0 && !_ended)
            {
                Monitor.Wait(_gate);
            }

            if (_waiting.MinBy(f => f.VirtualTime) is not { } flow)
            {
                return null;
            }

            _virtualTime = flow.VirtualTime;
            var free = servers - Interlocked.Increment(ref _busy) + 1;
            return flow.Take(free);
        }
    }

    /// <summary>Settles the cost of a turn.</summary>
    /// <param name="turn">The turn from <see cref="Take"/>.</param>
    /// <param name="seconds">Time that the thread used.</param>
    public void Complete(ServingTurn turn, double seconds)
    {
        Interlocked.Decrement(ref _busy);
        turn.Flow.Settle(turn, seconds);
    }

    /// <summary>Ends the waits in <see cref="Take"/> when nothing is left to take.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _ended = true;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>
    /// The requests of one model. A request holds a place from its arrival until a thread takes it or it gives up, so the limit also bounds the memory of
    /// images waiting to be decoded.
    /// </summary>
    internal abstract class Flow(FairQueue queue, int weight)
    {
        private readonly TaskCompletionSource _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _weight = weight;
        private int _running;
        private double _lastSeconds;
        private bool _closed;

        /// <summary>Requests that no thread has taken yet.</summary>
        public abstract int Length { get; }

        /// <summary>The flow's share of the threads, relative to the weights of other flows.</summary>
        public int Weight
        {
            get => Volatile.Read(ref _weight);
            set => Volatile.Write(ref _weight, value);
        }

        /// <summary>Seconds of threads used so far, divided by the weight.</summary>
        internal double VirtualTime { get; private set; }

        protected FairQueue Queue { get; } = queue;

        /// <summary>Completes when no thread works for the flow any more. To be called when no caller waits for an answer.</summary>
        public Task CloseAsync()
        {
            lock (Queue._gate)
            {
                _closed = true;
                EndIfIdle();
                return _idle.Task;
            }
        }

        /// <summary>Gives the first requests to a thread, and charges the time of the last one until their own is known.</summary>
        /// <param name="free">Idle threads, including the one that takes.</param>
        internal ServingTurn Take(int free)
        {
            lock (Queue._gate)
            {
                var (work, count) = TakeFirst(free);
                _running++;
                var expected = count * _lastSeconds;
                VirtualTime += expected / _weight;
                return new(this, work, count, expected);
            }
        }

        /// <summary>Settles answered requests.</summary>
        internal void Settle(ServingTurn turn, double seconds)
        {
            lock (Queue._gate)
            {
                _lastSeconds = seconds / turn.Count;
                VirtualTime += (seconds - turn.Expected) / _weight;
                _running--;
                EndIfIdle();
            }
        }

        /// <summary>Removes the first request, or several, from the flow. Inside the lock.</summary>
        protected abstract (Action Work, int Count) TakeFirst(int free);

        /// <summary>The flow is no longer empty. Inside the lock.</summary>
        protected void Join()
        {
            VirtualTime = Math.Max(VirtualTime, Queue._virtualTime);
            Queue._waiting.Add(this);
        }

        /// <summary>The flow is empty. Inside the lock.</summary>
        protected void Leave() => Queue._waiting.Remove(this);

        private void EndIfIdle()
        {
            if (_closed && _running == 0 && Length == 0)
            {
                _idle.TrySetResult();
            }
        }
    }

    /// <summary>A flow of requests of one kind.</summary>
    internal sealed class Flow<T>(FairQueue queue, int weight, int batchMax, Action<IReadOnlyList<T>> serve) : Flow(queue, weight)
    {
        private readonly LinkedList<T> _ready = [];
        private int _length;

        public override int Length => Volatile.Read(ref _length);

        /// <summary>Adds a request, unless <paramref name="max"/> are already waiting.</summary>
        /// <returns>Its place; null if the flow is full.</returns>
        public LinkedListNode<T>? TryAdd(T request, int max)
        {
            lock (Queue._gate)
            {
                if (_ready.Count >= max)
                {
                    return null;
                }

                var node = _ready.AddLast(request);
                Changed();
                if (_ready.Count == 1)
                {
                    Join();
                }

                Monitor.Pulse(Queue._gate);
                return node;
            }
        }

        /// <summary>Removes a request, unless a thread has taken it.</summary>
        public void Remove(LinkedListNode<T> node)
        {
            lock (Queue._gate)
            {
                if (node.List is not null)
                {
                    _ready.Remove(node);
                    Changed();
                }
            }
        }

        protected override (Action Work, int Count) TakeFirst(int free)
        {
            // The waiting requests are shared among the free threads: a batch must not leave another thread without work.
            var taken = new T[Math.Clamp((_ready.Count + free - 1) / free, 1, batchMax)];
            for (var i = 0; i < taken.Length; i++)
            {
                taken[i] = _ready.First!.Value;
                _ready.RemoveFirst();
            }

            Changed();
            return (() => serve(taken), taken.Length);
        }

        private void Changed()
        {
            Volatile.Write(ref _length, _ready.Count);
            if (_ready.Count == 0)
            {
                Leave();
            }
        }
    }
}
